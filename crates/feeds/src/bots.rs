//! What bots and models post: signals and prices over HTTP.
