//! The command `stormglass`.

use std::process::ExitCode;

fn main() -> ExitCode {
    stormglass::command()
}
