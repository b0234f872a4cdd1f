//! Any WebSocket or HTTP source that speaks JSON, described by a file.
