//! Finnhub, played.
