//! Floor: stats.
