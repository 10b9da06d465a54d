//! A thread whose hash maps iterate in an order that the seed decides.

use std::hash::RandomState;
use std::hint::black_box;
use std::panic::resume_unwind;
use std::thread;

use super::{HASH_SEED, Restored, Standing, suspend};

/// Runs `f` on a new thread with a stack of `stack_size` bytes and waits for it; a panic of `f` continues here.
///
/// The thread's first `RandomState` is made before `f` runs, with keys that are a function of `hash_seed` alone, so
/// every later one on it follows from the seed and from how many were made before. The new thread starts outside any
/// world, and bears the name of this one.
///
/// # Panics
/// When the operating system starts no further thread.
pub fn on_fresh_thread<R: Send>(hash_seed: u64, stack_size: usize, f: impl FnOnce() -> R + Send) -> R {
    suspend(|| {
        thread::scope(|scope| {
            let mut builder = thread::Builder::new().stack_size(stack_size);
            if let Some(name) = thread::current().name() {
                builder = builder.name(name.to_owned());
            }
            let started = builder.spawn_scoped(scope, move || {
                fix_hash_keys(hash_seed);
                f()
            });
            match started {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(error) => panic!("no thread with {stack_size} bytes of stack for a world: {error}"),
            }
        })
    })
}

fn fix_hash_keys(seed: u64) {
    HASH_SEED.set(seed);
    let _restored = Restored::after(Standing::Seeding);
    black_box(RandomState::new());
}
