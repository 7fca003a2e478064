//! Set-up and checks of the phoenix workspace.
fn main() {}
