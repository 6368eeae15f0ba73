//! Floor: split.
