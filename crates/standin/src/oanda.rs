//! OANDA v20, played.
