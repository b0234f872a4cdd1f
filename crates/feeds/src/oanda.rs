//! OANDA v20: the price stream and candles over HTTP.
