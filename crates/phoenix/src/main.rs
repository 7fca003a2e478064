//! The program `phoenix`.

use std::process::ExitCode;

fn main() -> ExitCode {
    phoenix::main()
}
