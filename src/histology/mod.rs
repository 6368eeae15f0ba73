//! Floor: histology.
