//! Kraken's WebSocket v2, played.
