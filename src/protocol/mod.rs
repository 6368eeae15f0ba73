//! Floor: protocol.
