//! kafdeck's entry point.
fn main() {}
