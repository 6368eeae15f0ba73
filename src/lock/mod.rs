//! Floor: lock.
