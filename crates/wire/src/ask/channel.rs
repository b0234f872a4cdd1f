//! The streams of messages that a client may hear.

/// One stream of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Signals,
    Prices,
    /// How the feed of each symbol stands. Only who names it hears it.
    Status,
    /// What becomes of confirmed signals: one stream with `signals`. Only who names it hears it.
    Outcomes,
    /// What prices did in intervals of one length. Only who names it hears it, and only who gave the version of the
    /// protocol can: to all others there is no such channel.
    Bars,
    /// How each symbol stands at the close of a bar, in numbers for models. As `Bars`, of who names it and gave the version.
    Features,
}

/// A set of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channels(u8);

impl Channels {
    pub const NONE: Self = Self(0);
    /// Every channel there is.
    pub const EVERY: Self = Self(0b11_1111);
    /// What the product's dashboards name, and mean by everything: signals and prices. The channels ORION adds, such as
    /// `status`, are heard by who names them and are no part of it.
    pub const ALL: Self = Self(0b11);

    #[must_use]
    pub const fn with(self, channel: Channel) -> Self {
        Self(self.0 | channel.bit())
    }
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
    #[must_use]
    pub const fn within(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }
    #[must_use]
    pub const fn has(self, channel: Channel) -> bool {
        self.0 & channel.bit() != 0
    }
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }
    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::EVERY
            .into_iter()
            .filter(move |channel| self.has(*channel))
    }
}

impl Channel {
    /// In the order in which they are told.
    pub const EVERY: [Self; 6] = [
        Self::Signals,
        Self::Prices,
        Self::Status,
        Self::Outcomes,
        Self::Bars,
        Self::Features,
    ];

    /// The name that clients know it by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signals => "signals",
            Self::Prices => "prices",
            Self::Status => "status",
            Self::Outcomes => "outcomes",
            Self::Bars => "bars",
            Self::Features => "features",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Signals => 0b1,
            Self::Prices => 0b10,
            Self::Status => 0b100,
            Self::Outcomes => 0b1000,
            Self::Bars => 0b1_0000,
            Self::Features => 0b10_0000,
        }
    }
    /// The channel of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::EVERY
            .into_iter()
            .find(|channel| channel.as_str() == name)
    }
}
