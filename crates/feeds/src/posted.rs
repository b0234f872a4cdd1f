//! A posted signal, read strictly: the one way from somebody's JSON to an alert.
