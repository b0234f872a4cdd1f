//! Massive (formerly Polygon): quotes and index values over its WebSocket, the past over REST.
