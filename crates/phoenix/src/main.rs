//! The command line of phoenix.
fn main() {}
