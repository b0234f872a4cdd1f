//! Twelve Data, played.
