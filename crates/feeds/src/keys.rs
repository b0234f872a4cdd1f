//! The keys of those who post: made, kept as hashes, looked up in constant time.
