//! How this command was called, so that the commands it prints can be run as they stand.

use std::path::Path;

/// `stormglass …` as installed, or through cargo when cargo started it: then the binary is not on the path.
pub(crate) fn command(arguments: &str) -> String {
    let program = std::env::args_os().next().unwrap_or_else(|| "stormglass".into());
    let by_cargo = std::env::var_os("CARGO").is_some();
    spell(Path::new(&program), by_cargo, arguments)
}

fn spell(program: &Path, by_cargo: bool, arguments: &str) -> String {
    let name =
        program.file_stem().map_or_else(|| "stormglass".into(), |name| name.to_string_lossy().into_owned());
    let folder =
        |up: usize| program.ancestors().nth(up).and_then(Path::file_name).map(|name| name.to_string_lossy());
    if !by_cargo {
        return format!("{name} {arguments}");
    }
    let example = folder(1).as_deref() == Some("examples");
    let profile =
        if folder(if example { 2 } else { 1 }).as_deref() == Some("release") { "--release " } else { "" };
    let target = if example { format!("--example {name} ") } else { String::new() };
    format!("cargo run {profile}{target}-- {arguments}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_spelled_as_it_was_called() {
        let spelled = |path: &str, by_cargo| spell(Path::new(path), by_cargo, "replay x:1");
        assert_eq!(spelled("/usr/bin/stormglass", false), "stormglass replay x:1");
        assert_eq!(spelled("target/release/stormglass", true), "cargo run --release -- replay x:1");
        assert_eq!(spelled("target/debug/stormglass", true), "cargo run -- replay x:1");
        assert_eq!(spelled("target/debug/examples/mine", true), "cargo run --example mine -- replay x:1");
        assert_eq!(
            spelled("target/release/examples/mine", true),
            "cargo run --release --example mine -- replay x:1"
        );
    }
}
