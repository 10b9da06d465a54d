//! Clocks answer with the node's time; a sleep of the thread is refused.

use std::ffi::{c_int, c_void};

use libc::{clockid_t, timespec, timeval};

use super::{Hooks, fail, interpose, refuse, suspend, world};

const NANOS: u64 = 1_000_000_000;

const SLEEP: &str = "std::thread::sleep (clock_nanosleep): it stops the whole world; use sim::time::sleep";

interpose! {
    fn clock_gettime(clock: clockid_t, out: *mut timespec) -> c_int, absent fail(libc::ENOSYS);
    if let Some(hooks) = world() => match read(hooks, clock) {
        // SAFETY: the caller gives a pointer that is null or valid for a write.
        Ok(nanos) => unsafe { put(out, as_timespec(nanos)) },
        Err(errno) => fail(errno),
    };

    fn clock_getres(clock: clockid_t, out: *mut timespec) -> c_int, absent fail(libc::ENOSYS);
    if let Some(hooks) = world() => match read(hooks, clock) {
        Ok(_) if out.is_null() => 0,
        // SAFETY: the caller gives a pointer that is null or valid for a write.
        Ok(_) => unsafe { put(out, as_timespec(1)) },
        Err(errno) => fail(errno),
    };

    fn gettimeofday(out: *mut timeval, zone: *mut c_void) -> c_int, absent fail(libc::ENOSYS);
    if let Some(hooks) = world() => {
        let nanos = suspend(hooks.wall_now);
        let now = timeval { tv_sec: (nanos / NANOS) as _, tv_usec: (nanos % NANOS / 1000) as _ };
        // SAFETY: the caller gives a pointer that is null or valid for a write.
        unsafe { put(out, now) }
    };

    // i64 is `time_t` on every platform covered; musl's binding of that name is marked as deprecated.
    fn time(out: *mut i64) -> i64, absent fail(libc::ENOSYS).into();
    if let Some(hooks) = world() => {
        let seconds = (suspend(hooks.wall_now) / NANOS) as i64;
        if !out.is_null() {
            // SAFETY: not null, so the caller gives a pointer valid for a write.
            unsafe { out.write(seconds) };
        }
        seconds
    };

    fn nanosleep(duration: *const timespec, rest: *mut timespec) -> c_int, absent fail(libc::ENOSYS);
    if let Some(hooks) = world() => {
        refuse(hooks, SLEEP);
        0
    };

    // Unlike the rest, this one returns its error. A failure would make std's `sleep` panic or try for ever; so it
    // returns at once as if the time had passed, with the finding recorded.
    fn clock_nanosleep(clock: clockid_t, flags: c_int, time: *const timespec, rest: *mut timespec) -> c_int, absent libc::ENOSYS;
    if let Some(hooks) = world() => {
        refuse(hooks, SLEEP);
        0
    };
}

/// What the clock shows, in nanoseconds, or an `errno`.
pub(super) fn read(hooks: &Hooks, clock: clockid_t) -> Result<u64, c_int> {
    match clock {
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME
        | libc::CLOCK_BOOTTIME_ALARM => Ok(suspend(hooks.monotonic_now)),
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_REALTIME_ALARM | libc::CLOCK_TAI => {
            Ok(suspend(hooks.wall_now))
        }
        libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID => {
            refuse(
                hooks,
                "clock_gettime of used CPU time: it differs from run to run; use sim::time::Instant",
            );
            Err(libc::EINVAL)
        }
        _ => {
            refuse(hooks, "clock_gettime of a clock that no node has: use sim::time::Instant");
            Err(libc::EINVAL)
        }
    }
}

pub(super) fn as_timespec(nanos: u64) -> timespec {
    timespec { tv_sec: (nanos / NANOS) as _, tv_nsec: (nanos % NANOS) as _ }
}

/// # Safety
/// `out` is null, which is an error, or valid for a write.
pub(super) unsafe fn put<T>(out: *mut T, value: T) -> c_int {
    if out.is_null() {
        return fail(libc::EFAULT);
    }
    // SAFETY: not null, so valid for a write by this function's contract.
    unsafe { out.write(value) };
    0
}
