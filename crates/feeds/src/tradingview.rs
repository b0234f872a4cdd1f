//! TradingView's alerts, which come as webhooks.
