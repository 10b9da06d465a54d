//! Arrows go down only: scenarios → systems → sim, scenarios → checker, a system's spec → checker, xtask → checker.

use super::Offence;
use super::source::{code, line_of, words};
use super::tree::{File, Tree};

/// Each member with those of ours that it may depend on.
const LAYERS: [(&str, &[&str]); 6] = [
    ("sim", &[]),
    ("checker", &[]),
    ("systems", &["stormglass-sim", "stormglass-checker"]),
    ("scenarios", &["stormglass-sim", "stormglass-checker", "stormglass-systems"]),
    // It judges recorded histories and holds the checker against brute force: tools of the checker that its users
    // do not need. Of the rest it knows commands alone.
    ("xtask", &["stormglass-checker"]),
    // A workspace of its own, for it needs a nightly compiler.
    ("fuzz", &["stormglass-checker"]),
];

/// One line of a manifest that names a dependency.
struct Dependency<'a> {
    line: usize,
    name: &'a str,
    is_of_workspace: bool,
}

pub(super) fn dependencies_point_down(tree: &Tree) -> Vec<Offence> {
    members(tree)
        .flat_map(|(file, allowed)| {
            dependencies(&file.text).into_iter().filter_map(move |dependency| {
                let ours = dependency.name == "stormglass" || dependency.name.starts_with("stormglass-");
                (ours && !allowed.contains(&dependency.name)).then(|| {
                    let what = format!("depends on {}, which is not below it", dependency.name);
                    file.offence(dependency.line, what, "move the code to the layer that may see both")
                })
            })
        })
        .collect()
}

pub(super) fn versions_stand_in_the_workspace(tree: &Tree) -> Vec<Offence> {
    members(tree)
        .flat_map(|(file, _)| {
            dependencies(&file.text).into_iter().filter(|dependency| !dependency.is_of_workspace).map(
                |dependency| {
                    let what = format!("{} has a version or a path of its own", dependency.name);
                    file.offence(
                        dependency.line,
                        what,
                        "write `name.workspace = true` and put it into [workspace.dependencies]",
                    )
                },
            )
        })
        .collect()
}

pub(super) fn the_checker_is_used_in_specs_alone(tree: &Tree) -> Vec<Offence> {
    tree.rust()
        .filter(|file| file.path.starts_with("systems/") && !file.is_part_of_system(&["spec"]))
        .flat_map(|file| {
            let code = code(&file.text);
            let places: Vec<_> = words(&code, "stormglass_checker").map(|at| line_of(&code, at)).collect();
            places.into_iter().map(|line| {
                file.offence(
                    line,
                    "uses the checker outside of a spec",
                    "let the system's spec offer what is needed",
                )
            })
        })
        .collect()
}

/// A member that is not in the table may depend on nothing of ours until someone says where it stands.
fn members(tree: &Tree) -> impl Iterator<Item = (&File, &'static [&'static str])> {
    tree.files().filter_map(|file| {
        let member = file.path.strip_suffix("/Cargo.toml")?;
        Some((file, LAYERS.iter().find(|(name, _)| *name == member).map_or(&[][..], |(_, allowed)| *allowed)))
    })
}

fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let mut found = Vec::new();
    let mut is_list = false;
    for (index, line) in manifest.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let line_number = index + 1;
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            // Where a workspace says which versions its members take.
            is_list = section.ends_with("dependencies") && section != "workspace.dependencies";
            // The long form, [dependencies.name], hides whether it is of the workspace.
            if let Some((list, name)) = section.rsplit_once('.')
                && list.ends_with("dependencies")
            {
                found.push(Dependency { line: line_number, name, is_of_workspace: false });
            }
        } else if let Some((key, value)) = line.split_once('=').filter(|_| is_list) {
            let (name, field) = key.trim().split_once('.').unwrap_or((key.trim(), ""));
            let value: String = value.split_whitespace().collect();
            let is_of_workspace = field == "workspace" && value == "true" || value.contains("workspace=true");
            found.push(Dependency { line: line_number, name: name.trim_matches('"'), is_of_workspace });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::caught;

    #[test]
    fn an_arrow_that_points_up_is_caught() {
        let files = [
            ("sim/Cargo.toml", "[dev-dependencies]\nstormglass-checker.workspace = true"),
            (
                "checker/Cargo.toml",
                "[target.'cfg(unix)'.dependencies]\nstormglass-sim = { workspace = true }",
            ),
            (
                "systems/Cargo.toml",
                "[dependencies]\nstormglass-sim.workspace = true\nstormglass.workspace = true",
            ),
            (
                "scenarios/Cargo.toml",
                "[dependencies]\nstormglass-systems = { workspace = true, optional = true }",
            ),
            ("xtask/Cargo.toml", "[dependencies.stormglass-sim]\nworkspace = true"),
            ("fuzz/Cargo.toml", "[dependencies]\nstormglass-checker.workspace = true"),
            (
                "new/Cargo.toml",
                "[package]\nname = \"new\"\n[build-dependencies]\nstormglass-sim.workspace = true",
            ),
        ];
        let expected =
            ["sim/Cargo.toml:2", "checker/Cargo.toml:2", "systems/Cargo.toml:3", "xtask/Cargo.toml:1"];
        assert_eq!(caught(dependencies_point_down, &files), [&expected[..], &["new/Cargo.toml:4"]].concat());
    }

    #[test]
    fn a_version_of_its_own_is_caught() {
        let manifest = "[dependencies]\nserde = \"1\"\n# a = 1\nbytes.workspace = true\nlibc = { path = \"x\" }\n\
                        clap = { workspace = true, features = [] }\n[features]\ndefault = []\n[dependencies.tokio]\n";
        let caught = caught(
            versions_stand_in_the_workspace,
            &[
                ("sim/Cargo.toml", manifest),
                ("Cargo.toml", manifest),
                (
                    "fuzz/Cargo.toml",
                    "[workspace.dependencies]\nlibc = \"1\"\n[dependencies]\nlibc.workspace = true",
                ),
            ],
        );
        assert_eq!(caught, ["sim/Cargo.toml:2", "sim/Cargo.toml:5", "sim/Cargo.toml:9"]);
    }

    #[test]
    fn the_checker_beside_a_spec_is_caught() {
        let uses = "//! stormglass_checker\nuse stormglass_checker::Model;";
        let files = [
            ("systems/src/kv/spec.rs", uses),
            ("systems/src/kv/spec/model.rs", uses),
            ("systems/src/kv/client.rs", uses),
            ("systems/src/session.rs", uses),
            ("scenarios/src/run.rs", uses),
        ];
        let expected = ["systems/src/kv/client.rs:2", "systems/src/session.rs:2"];
        assert_eq!(caught(the_checker_is_used_in_specs_alone, &files), expected);
    }
}
