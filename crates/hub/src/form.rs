//! In which form a client is told things. Clients of one form can share bytes.

/// In which words, and how they are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Form {
    pub(crate) dialect: Dialect,
    pub(crate) packing: Packing,
}

/// In which words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dialect {
    /// As the product's dashboards know them.
    #[default]
    Plain,
    /// In the envelope of who gave a version.
    Extended,
}

/// How messages that are published together are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packing {
    /// Each by itself, as it is.
    #[default]
    Single,
    /// Compressed, each but the first with references to those before it: for who inflates and keeps its window
    /// (permessage-deflate with context takeover, RFC 7692).
    Grouped,
}
