//! Every leak that the guard closes, planted; and that nothing of it is felt outside a world.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    any(target_env = "gnu", target_env = "musl"),
    not(target_feature = "crt-static")
))]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these are the leaks that the tests plant"
)]
#![expect(unsafe_code, reason = "some leaks are planted where C code has them, in libc itself")]

mod clocks;
mod hash_order;
mod machine;
mod outside;
mod randomness;
mod refusals;
mod world;
