//! Fuzz targets for the judge. What they try stands beside the checker's tests, which run it too, on kept inputs and
//! without a fuzzer; here is only what libFuzzer needs.

#[path = "../../checker/tests/fuzz/targets/mod.rs"]
mod targets;

/// Tries the bytes on a target; panics if something is wrong.
pub fn fuzz(target: &str, bytes: &[u8]) {
    let known = targets::TARGETS.iter().find(|(name, _)| *name == target);
    known.unwrap_or_else(|| panic!("there is no target {target}")).1(bytes);
}
