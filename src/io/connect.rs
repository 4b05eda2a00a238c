//! Connecting to a cluster (room under construction).
