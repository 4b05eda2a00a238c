//! Brokers (room under construction).
