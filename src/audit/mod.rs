//! Floor: audit.
