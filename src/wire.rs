//! Kafka requests and answers as we use them, over the kafka-protocol codec.
//!
//! Framing, versions, logging in, a guard against answers that ask for more memory than they carry, and error
//! codes in words. It is not a client: nothing here does I/O, waits or knows our vocabulary. `io` calls
//! it as a client; `sandbox` calls it as a broker.

pub mod assignment;
pub mod changes;
pub mod errors;
pub mod frame;
pub mod guard;
pub mod requests;
pub mod sasl;
pub mod scram;
pub mod served;
