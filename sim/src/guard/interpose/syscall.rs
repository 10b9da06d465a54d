//! The generic system call: what goes around the named functions meets the same answers.
//!
//! Cryptographic libraries written in C take their random bytes this way, and std and `parking_lot` wait on locks.

use std::ffi::{c_int, c_long, c_void};

use libc::{clockid_t, size_t, timespec};

use super::{Hooks, fail, interpose, random, refuse, time, world};

const TIMED_WAIT: &str = "a wait with a time limit (futex; Condvar::wait_timeout, park_timeout, recv_timeout): the limit is in real time; \
     use sim::time::timeout";

interpose! {
    // Variadic in C. Six arguments are the most that the kernel takes; both calling conventions pass them like named
    // ones, and what is not there is read from a register or from the caller's own frame, and goes on unlooked at.
    fn syscall(
        number: c_long, a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long
    ) -> c_long, absent fail(libc::ENOSYS).into();
    // SAFETY: the caller's own arguments.
    if let Some(result) = world().and_then(|hooks| unsafe { answer(hooks, number, [a, b, c, d]) }) => result;
}

/// `None` for a system call that may go on to the kernel.
///
/// # Safety
/// `arguments` are as the kernel demands for `number`.
unsafe fn answer(hooks: &'static Hooks, number: c_long, arguments: [c_long; 4]) -> Option<c_long> {
    let [first, second, _, fourth] = arguments;
    match number {
        libc::SYS_getrandom => {
            // SAFETY: the first two arguments are a buffer and its length.
            unsafe { random::Source::World(hooks).fill(first as *mut c_void, second as size_t) };
            Some(second)
        }
        libc::SYS_clock_gettime => Some(match time::read(hooks, first as clockid_t) {
            // SAFETY: the second argument is null or valid for a write.
            Ok(nanos) => unsafe { time::put(second as *mut timespec, time::as_timespec(nanos)) }.into(),
            Err(errno) => fail(errno).into(),
        }),
        // Without a limit it ends when another thread says so: a lock held by another world's thread for a moment.
        libc::SYS_futex if is_wait(second as c_int) && fourth != 0 => {
            refuse(hooks, TIMED_WAIT);
            Some(fail(libc::ETIMEDOUT).into())
        }
        _ => None,
    }
}

fn is_wait(operation: c_int) -> bool {
    let command = operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
    matches!(command, libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET | libc::FUTEX_LOCK_PI)
}
