//! Recognition of installations (room under construction).
