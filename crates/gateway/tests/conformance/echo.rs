//! An echo server on ORION's own codec: the handshake, frames in, compression both ways. It takes any path, and messages up
//! to 16 MiB, since it is there for suites that try a WebSocket out.

use axum::body::Body;
use gateway::codec::{Decoder, Deflate, Inbound, Inflater, check};
use hub::deflate::Deflater;
use hub::frame;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The first byte of a frame that is a whole message, and the flag of a compressed one.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const DEFLATED: u8 = 0x40;
const MESSAGE_BYTES: usize = 16 << 20;

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener) -> io::Result<Infallible> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service_fn(answer))
            .with_upgrades();
        tokio::spawn(connection);
    }
}

async fn answer(mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let agreement = match check(&request) {
        Ok(agreement) => agreement,
        Err(refusal) => return Ok(refusal.answer()),
    };
    let echo = Echo::new(agreement.deflate());
    tokio::spawn(echo.run(hyper::upgrade::on(&mut request)));
    Ok(agreement.answer())
}

/// One connection.
struct Echo {
    deflate: Option<Deflate>,
    decoder: Decoder,
    inflater: Inflater,
    deflater: Deflater,
    /// What is to be written.
    out: Vec<u8>,
    is_over: bool,
}

impl Echo {
    fn new(deflate: Option<Deflate>) -> Self {
        Self {
            deflate,
            decoder: Decoder::new(MESSAGE_BYTES, u16::MAX, deflate),
            inflater: Inflater::default(),
            deflater: match deflate {
                Some(Deflate::Narrow(bits)) => Deflater::with_window(bits),
                Some(Deflate::Shared | Deflate::Alone) | None => Deflater::default(),
            },
            out: Vec::new(),
            is_over: false,
        }
    }

    async fn run(mut self, upgrade: OnUpgrade) -> io::Result<()> {
        let upgraded = upgrade.await.map_err(io::Error::other)?;
        let parts = upgraded
            .downcast::<TokioIo<TcpStream>>()
            .map_err(|_| io::Error::other("the connection is not the TCP stream it was"))?;
        let mut stream = parts.io.into_inner();
        self.hear(&parts.read_buf);
        let mut scratch = vec![0; 64 * 1024];
        loop {
            stream.write_all(&self.out).await?;
            self.out.clear();
            if self.is_over {
                stream.shutdown().await?;
            }
            match stream.read(&mut scratch).await? {
                0 => return Ok(()),
                count => self.hear(&scratch[..count]),
            }
        }
    }

    /// What came together goes back as one group, where messages may refer back.
    fn hear(&mut self, mut bytes: &[u8]) {
        self.deflater.begin();
        while !self.is_over {
            match self.decoder.next(&mut bytes, &mut self.inflater) {
                Ok(Some(inbound)) => self.handle(inbound),
                Ok(None) => break,
                Err(violation) => self.end(frame::close(violation.code, violation.reason)),
            }
        }
    }

    fn handle(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Text(text) => self.tell(TEXT, &text),
            Inbound::Binary(bytes) => self.tell(BINARY, &bytes),
            Inbound::Ping(payload) => self.out.extend(frame::pong(&payload)),
            Inbound::Pong => {}
            Inbound::Close(None) => self.end(frame::close_without_code()),
            Inbound::Close(Some(code)) => self.end(frame::close(code, "")),
        }
    }

    fn end(&mut self, close: Vec<u8>) {
        self.out.extend(close);
        self.is_over = true;
    }

    fn tell(&mut self, kind: u8, message: &[u8]) {
        match self.deflate {
            None => return put(kind, message, &mut self.out),
            Some(Deflate::Shared) => {}
            Some(Deflate::Alone | Deflate::Narrow(_)) => self.deflater.begin(),
        }
        put(
            kind | DEFLATED,
            self.deflater.deflate(message),
            &mut self.out,
        );
    }
}

/// A whole message in one frame. ORION sends nothing binary, so the hub has no frame for it.
fn put(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    match payload.len() {
        short @ 0..=125 => out.push(short as u8),
        middle @ 126..=65_535 => {
            out.push(126);
            out.extend((middle as u16).to_be_bytes());
        }
        long => {
            out.push(127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}
