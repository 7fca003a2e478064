//! The same program under the name that older scripts use: `phoenix-cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    phoenix::main()
}
