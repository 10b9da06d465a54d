//! Clocks read in node code are the node's.

use std::mem::MaybeUninit;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::world::{CALM, World, advance, assert_refused};

#[test]
fn instant_now_is_the_node_s_monotonic_clock() {
    let world = World { monotonic: 5_999_999_999, ..CALM };
    let (elapsed, findings) = world.run(|| {
        let start = Instant::now();
        let still = Instant::now() - start;
        advance(1_500_000_001);
        (still, start.elapsed())
    });
    assert_eq!(elapsed, (Duration::ZERO, Duration::from_nanos(1_500_000_001)));
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn system_time_now_is_the_node_s_wall_clock() {
    let world = World { wall: 1_700_000_000_123_456_789, ..CALM };
    let (now, _) = world.run(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap());
    assert_eq!(now, Duration::from_nanos(1_700_000_000_123_456_789));
}

#[test]
fn the_older_calls_for_the_wall_clock_agree() {
    let world = World { wall: 1_700_000_000_123_456_789, ..CALM };
    let ((of_day, returned, stored), _) = world.run(|| {
        let mut of_day = MaybeUninit::<libc::timeval>::uninit();
        let mut stored = 0;
        // SAFETY: both pointers are valid for a write, and `gettimeofday` returns 0 only after its write.
        unsafe {
            assert_eq!(libc::gettimeofday(of_day.as_mut_ptr(), std::ptr::null_mut()), 0);
            let returned = libc::time(&raw mut stored);
            (of_day.assume_init(), returned, stored)
        }
    });
    assert_eq!((of_day.tv_sec, of_day.tv_usec), (1_700_000_000, 123_456));
    assert_eq!((returned, stored), (1_700_000_000, 1_700_000_000));
}

#[test]
fn every_clock_is_the_monotonic_one_the_wall_clock_or_refused() {
    let monotonic = [
        libc::CLOCK_MONOTONIC,
        libc::CLOCK_MONOTONIC_RAW,
        libc::CLOCK_MONOTONIC_COARSE,
        libc::CLOCK_BOOTTIME,
        libc::CLOCK_BOOTTIME_ALARM,
    ];
    let wall =
        [libc::CLOCK_REALTIME, libc::CLOCK_REALTIME_COARSE, libc::CLOCK_REALTIME_ALARM, libc::CLOCK_TAI];
    let world = World { monotonic: 3_000_000_004, wall: 5_000_000_006, ..CALM };
    for (clocks, shown) in [(&monotonic[..], (3, 4)), (&wall[..], (5, 6))] {
        for &clock in clocks {
            assert_eq!(world.run(|| read(clock)), (Ok(shown), vec![]), "clock {clock}");
        }
    }
    for clock in [libc::CLOCK_PROCESS_CPUTIME_ID, libc::CLOCK_THREAD_CPUTIME_ID, 77] {
        let (shown, findings) = world.run(|| read(clock));
        assert_eq!(shown, Err(libc::EINVAL), "clock {clock}");
        assert_refused(&findings, "clock_gettime");
    }
}

/// Seconds and nanoseconds, or the error.
fn read(clock: libc::clockid_t) -> Result<(i64, i64), i32> {
    let mut out = libc::timespec { tv_sec: -1, tv_nsec: -1 };
    // SAFETY: `out` is valid for a write.
    match unsafe { libc::clock_gettime(clock, &raw mut out) } {
        0 => Ok((out.tv_sec, out.tv_nsec)),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap()),
    }
}

#[test]
fn a_clock_read_by_its_number_as_a_system_call_is_the_node_s_too() {
    let world = World { monotonic: 3_000_000_004, ..CALM };
    let ((result, out), _) = world.run(|| {
        let mut out = libc::timespec { tv_sec: -1, tv_nsec: -1 };
        // SAFETY: the arguments of this system call; `out` is valid for a write.
        let result = unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, &raw mut out) };
        (result, (out.tv_sec, out.tv_nsec))
    });
    assert_eq!((result, out), (0, (3, 4)));
}

#[test]
fn a_clock_without_room_for_the_answer_is_an_error() {
    let (result, _) = CALM.run(|| {
        // SAFETY: a null pointer is an argument that the function checks.
        let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, std::ptr::null_mut()) };
        (result, std::io::Error::last_os_error().raw_os_error())
    });
    assert_eq!(result, (-1, Some(libc::EFAULT)));
}

#[test]
fn the_resolution_of_a_clock_is_the_same_on_every_machine() {
    let (resolution, _) = CALM.run(|| {
        let mut out = libc::timespec { tv_sec: -1, tv_nsec: -1 };
        // SAFETY: `out` is valid for a write; null asks for the result alone.
        unsafe {
            assert_eq!(libc::clock_getres(libc::CLOCK_REALTIME_COARSE, &raw mut out), 0);
            assert_eq!(libc::clock_getres(libc::CLOCK_REALTIME_COARSE, std::ptr::null_mut()), 0);
        }
        (out.tv_sec, out.tv_nsec)
    });
    assert_eq!(resolution, (0, 1));
}
