//! What is known (room under construction).
