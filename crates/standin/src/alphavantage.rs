//! Alpha Vantage, played.
