//! Floor: dataset.
