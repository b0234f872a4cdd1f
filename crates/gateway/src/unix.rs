//! What only some systems have. Elsewhere it is left out, and nothing but the figures is worse for it.

use socket2::SockRef;
use std::io;
use std::net::TcpStream;

/// Bytes that may lie unsent in the kernel before a socket counts as full: without this a reader that stopped is noticed
/// only after megabytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_MAX: u32 = 16 * 1024;

/// Sets what every connection has: what is written goes out at once, and little waits unsent. On a listener, for those that
/// it accepts: two calls for each are saved where they inherit it.
///
/// # Errors
/// When the socket is broken.
pub(crate) fn tune(socket: SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    bound_unsent(socket)
}

/// The same for a connection that was accepted by a listener that is tuned.
///
/// # Errors
/// When the connection is broken.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn tune_accepted(_connection: &TcpStream) -> io::Result<()> {
    // Linux makes it as a copy of the listener, with these options.
    Ok(())
}

/// Other systems do not say that they inherit it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn tune_accepted(connection: &TcpStream) -> io::Result<()> {
    tune(connection.into())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn bound_unsent(socket: SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(UNSENT_MAX)
}

/// The system has no such bound: its own send buffer is it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn bound_unsent(_socket: SockRef<'_>) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn who_is_accepted_is_tuned_as_the_listener() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        tune(SockRef::from(&listener))?;
        let _client = TcpStream::connect(listener.local_addr()?)?;
        let (accepted, _) = listener.accept()?;
        tune_accepted(&accepted)?;
        let socket = SockRef::from(&accepted);
        assert!(socket.tcp_nodelay()?);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        assert_eq!(socket.tcp_notsent_lowat()?, UNSENT_MAX);
        Ok(())
    }
}
