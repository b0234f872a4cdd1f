//! The message that is under way: its fragments so far, and what may be known of it before its end.

use super::{Inbound, Violation, rule};
use crate::inflate::Inflater;

/// The message that is under way, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) coding: Coding,
    pub(super) bytes: Vec<u8>,
    /// How much of a text is known to be UTF-8.
    valid: usize,
    /// None: no message is under way.
    pub(super) fragments: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Text,
    Binary,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Coding {
    #[default]
    Plain,
    Deflated,
}

impl Message {
    /// None is under way.
    pub(super) fn is_none(&self) -> bool {
        self.fragments == 0
    }

    /// What cannot be compressed becomes a little longer: by an eighth where the compressor is at its worst.
    pub(super) fn bytes_max(&self, message_bytes: usize) -> usize {
        match self.coding {
            Coding::Plain => message_bytes,
            Coding::Deflated => message_bytes + message_bytes / 8 + 64,
        }
    }

    /// Bad UTF-8 is refused at the byte that makes it so; a character may still be under way at the end.
    pub(super) fn check_utf8(&mut self) -> Result<(), Violation> {
        if self.kind == Kind::Binary {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.valid..]) {
            Ok(more) => self.valid += more.len(),
            Err(error) => {
                rule(error.error_len().is_none(), 1007, "not UTF-8")?;
                self.valid += error.valid_up_to();
            }
        }
        Ok(())
    }

    /// All its bytes are there.
    pub(super) fn finish(
        mut self,
        max: usize,
        inflater: &mut Inflater,
    ) -> Result<Inbound, Violation> {
        if self.coding == Coding::Deflated {
            self.bytes = inflater.inflate(self.bytes, max)?;
            self.check_utf8()?;
        }
        match self.kind {
            Kind::Text => {
                rule(self.valid == self.bytes.len(), 1007, "not UTF-8")?;
                Ok(Inbound::Text(self.bytes))
            }
            Kind::Binary => Ok(Inbound::Binary(self.bytes)),
        }
    }
}
