//! Why a message is not obeyed.

/// Why a message was not understood, or not obeyed. The client is told [`Refusal::code`]; the connection stays open but
/// for [`Refusal::AuthFailed`] and [`Refusal::BadVersion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the message is not JSON")]
    BadJson,
    /// What is wrong with it, in words that hold nothing of the client's text.
    #[error("{0}")]
    BadMessage(&'static str),
    #[error("the type is not one of: subscribe, unsubscribe, ping, auth, signal")]
    UnknownType,
    #[error(
        "a channel is not one of: signals, prices, status, outcomes; the others named are subscribed"
    )]
    UnknownChannel,
    #[error("`v` is not a version that this server speaks: 1")]
    BadVersion,
    #[error(
        "no more than 64 channels times symbols can be subscribed; leave `symbols` out to hear all of them as one"
    )]
    TooManySubscriptions,
    #[error(
        "too many different lists of symbols are in use on this server; leave `symbols` out to hear all of them, or try again later"
    )]
    TooManyClasses,
    #[error("send an auth with your token first")]
    AuthRequired,
    #[error("the token is not one of this server's, or it does not hold any more")]
    AuthFailed,
    #[error("your token does not allow all of this; what it allows is done")]
    Forbidden,
    #[error("too much of what you sent waits for its answer; send this again when some has come")]
    RateLimited,
    #[error("the server could not deal with the message; send it again")]
    Internal,
}

impl Refusal {
    /// The word programs know it by.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::BadMessage(_) => "bad_message",
            Self::UnknownType => "unknown_type",
            Self::UnknownChannel => "unknown_channel",
            Self::BadVersion => "bad_version",
            Self::TooManySubscriptions | Self::TooManyClasses => "too_many_subscriptions",
            Self::AuthRequired => "auth_required",
            Self::AuthFailed => "auth_failed",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
        }
    }

    /// Whether the same message may do better later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::TooManyClasses | Self::RateLimited | Self::Internal => true,
            Self::BadJson
            | Self::BadMessage(_)
            | Self::UnknownType
            | Self::UnknownChannel
            | Self::BadVersion
            | Self::TooManySubscriptions
            | Self::AuthRequired
            | Self::AuthFailed
            | Self::Forbidden => false,
        }
    }
}
