//! News as lines, for pipes and for `--plain`.

use super::board::News;
use super::style::{Colour, Ink, clean, painted};
use super::told::{SignalExt, SignalPayload};
use std::io::{self, Write as _};

/// Writes lines to standard output, and what is no result to standard error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    pub(super) colour: Colour,
}

impl Plain {
    /// An error means that nobody reads.
    pub(super) fn tell(self, news: &News) -> io::Result<()> {
        match news {
            News::Signal(payload, ext) => print(&self.signal(payload, ext)),
            News::Outcome {
                symbol,
                payload,
                ext,
            } => {
                let symbol = symbol.as_deref().unwrap_or("-");
                let end = match &ext.realised_r {
                    Some(r) if ext.last => format!("  ended {} R", r.text),
                    _ if ext.last => "  ended".to_owned(),
                    _ => String::new(),
                };
                print(&format!(
                    "{} {symbol:<8} {:<11} price {}  R {}{end}  {}",
                    payload.at, payload.event, payload.price.text, payload.r.text, payload.id
                ))
            }
            News::Gap(text) => print(&painted(Ink::Bad, &clean(text), self.colour)),
            News::Resumed(text) | News::Remark(text) => {
                remark(text);
                Ok(())
            }
        }
    }

    fn signal(self, signal: &SignalPayload, ext: &SignalExt) -> String {
        let targets: Vec<&str> = signal
            .take_profits
            .iter()
            .map(|level| level.text.as_str())
            .collect();
        let ink = match signal.status.as_str() {
            "confirmed" => Ink::Good,
            "invalidated" => Ink::Bad,
            _ => Ink::Open,
        };
        let status = painted(ink, &format!("{:<11}", clean(&signal.status)), self.colour);
        let cause = ext.cause.as_ref().map(|cause| format!(" ({cause})"));
        format!(
            "{} {:<8} {:<5} {status} entry {} stop {} targets {}  R {}  p {:.2}  {:<6} {}{}",
            signal.entry_time,
            signal.symbol,
            signal.direction,
            signal.entry_price.text,
            signal.stop_loss.text,
            targets.join(" "),
            signal.rr_target.text,
            signal.confidence,
            signal.killzone,
            clean(&signal.reason),
            cause.unwrap_or_default(),
        )
    }
}

pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush())
}

pub(super) fn remark(text: &str) {
    // Standard error may be gone; then nobody wants to know.
    let _ = writeln!(io::stderr(), "{}", clean(text));
}
