//! Massive, played.
