//! Kafka requests and answers as we use them (room under construction).
