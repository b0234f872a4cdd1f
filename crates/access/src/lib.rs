//! Who may do what: API keys and JWTs are read into a [`Grant`], or refused with a reason.
//!
//! Begin with [`Access`]. `keys` holds the API keys, `jwt` the tokens that others sign, `revoked` what is taken back before
//! its time. The files among them are read again when they change; all else is pure: the time comes with each question,
//! and keys that lie behind an address are handed in ([`Access::take_signers`]) by whoever can reach it.
//!
//! No message, log line or `Debug` of this crate holds a token.

#![forbid(unsafe_code)]

mod door;
mod grant;
pub mod jwt;
pub mod keys;
mod origin;
pub mod revoked;
mod secret;
mod store;
mod watched;

pub use door::{Access, Denied, Presented, Way};
pub use grant::{Grant, Holder, Limits, Scope, Scopes};
pub use origin::Origin;
pub use secret::Secret;
