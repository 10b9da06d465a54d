//! What no world can answer fails as the real call would, and is named.

use std::io::ErrorKind;
use std::net::{ToSocketAddrs, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use stormglass_sim::guard;

use crate::world::{CALM, assert_refused};

#[test]
fn a_thread_is_refused() {
    let (started, findings) =
        CALM.run(|| thread::Builder::new().spawn(|| ()).map_err(|error| error.kind()).err());
    assert_eq!(started, Some(ErrorKind::WouldBlock));
    assert_refused(&findings, "pthread_create");
}

#[test]
fn a_thread_that_must_start_panics() {
    let (outcome, findings) = CALM.run(|| catch_unwind(|| thread::spawn(|| ())).is_err());
    assert!(outcome, "std::thread::spawn returned");
    assert_refused(&findings, "pthread_create");
}

#[test]
fn a_sleep_of_the_thread_is_refused_and_returns_at_once() {
    let ((), findings) = CALM.run(|| thread::sleep(Duration::from_secs(86_400)));
    assert_refused(&findings, "std::thread::sleep");

    let ((), findings) = CALM.run(|| {
        let day = libc::timespec { tv_sec: 86_400, tv_nsec: 0 };
        // SAFETY: the time is valid for a read, and null asks for no rest.
        assert_eq!(unsafe { libc::nanosleep(&raw const day, std::ptr::null_mut()) }, 0);
    });
    assert_refused(&findings, "std::thread::sleep");
}

#[test]
fn a_wait_with_a_time_limit_is_refused_and_times_out() {
    let (timed_out, findings) = CALM.run(|| {
        let (lock, never) = (Mutex::new(()), Condvar::new());
        let (_held, result) = never.wait_timeout(lock.lock().unwrap(), Duration::from_secs(86_400)).unwrap();
        result.timed_out()
    });
    assert!(timed_out);
    assert_refused(&findings, "wait_timeout");

    let ((), findings) = CALM.run(|| thread::park_timeout(Duration::from_secs(86_400)));
    assert_refused(&findings, "park_timeout");
}

/// Another world's thread may hold a lock of the process, such as that of standard output, for a moment.
#[test]
fn a_wait_without_a_limit_is_not_refused() {
    let lock = Mutex::new(());
    let held = lock.lock().unwrap();
    let findings = thread::scope(|scope| {
        let waits = scope.spawn(|| CALM.run(|| drop(lock.lock().unwrap())).1);
        thread::sleep(Duration::from_millis(20));
        drop(held);
        waits.join().unwrap()
    });
    assert!(findings.is_empty(), "{findings:?}");
}

/// To wake others is no wait, whatever an unused argument happens to hold.
#[test]
fn a_wake_is_not_refused() {
    let (word, wake) = (0_u32, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG);
    // SAFETY: the futex is valid for the call, and a wake reads neither it nor the fourth argument.
    let (woken, findings) =
        CALM.run(|| unsafe { libc::syscall(libc::SYS_futex, &raw const word, wake, 1, 1_usize) });
    assert_eq!((woken, findings), (0, vec![]));
}

#[test]
fn a_process_is_refused() {
    let (started, findings) = CALM.run(|| Command::new("true").status().map_err(|error| error.kind()).err());
    assert_eq!(started, Some(ErrorKind::WouldBlock));
    assert_refused(&findings, "std::process::Command");

    // SAFETY: refused, so no second process goes on from here.
    let (child, findings) = CALM.run(|| unsafe { libc::fork() });
    assert_eq!(child, -1);
    assert_refused(&findings, "fork");

    let (result, findings) = CALM.run(|| {
        let (mut pid, path, list) = (0, c"".as_ptr(), std::ptr::null());
        let (actions, attributes) = (std::ptr::null(), std::ptr::null());
        // SAFETY: an empty command with neither actions nor attributes; refused before any of it is read.
        unsafe { libc::posix_spawn(&raw mut pid, path, actions, attributes, list, list) }
    });
    assert_eq!(result, libc::EAGAIN);
    assert_refused(&findings, "posix_spawn");
}

#[test]
fn the_real_network_is_refused() {
    let (bound, findings) = CALM.run(|| UdpSocket::bind("127.0.0.1:0").map_err(|error| error.kind()).err());
    assert_eq!(bound, Some(ErrorKind::PermissionDenied));
    assert_refused(&findings, "std::net (socket)");

    let (found, findings) = CALM.run(|| "node-8:7000".to_socket_addrs().is_err());
    assert!(found, "a name was looked up");
    assert_refused(&findings, "getaddrinfo");
}

#[test]
fn the_simulator_s_own_code_is_outside_even_in_the_middle_of_node_code() {
    let ((), findings) = CALM.run(|| {
        assert!(guard::is_inside());
        let (before, after) = guard::suspend(|| {
            assert!(!guard::is_inside());
            let before = Instant::now();
            thread::scope(|scope| scope.spawn(|| thread::sleep(Duration::from_millis(2))).join().unwrap());
            (before, Instant::now())
        });
        assert!(after - before >= Duration::from_millis(2));
        assert!(guard::is_inside());
    });
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn a_panic_leaves_the_thread_where_it_stood() {
    let unwound = catch_unwind(AssertUnwindSafe(|| CALM.run(|| -> () { panic!("of a node") })));
    assert!(unwound.is_err() && !guard::is_inside());

    let (inside, _) = CALM.run(|| {
        let unwound = catch_unwind(|| guard::suspend(|| -> () { panic!("of the simulator") }));
        unwound.is_err() && guard::is_inside()
    });
    assert!(inside);
}

#[test]
fn entering_and_leaving_by_hand_is_the_same() {
    let ((), _) = CALM.run(|| ());
    guard::enter();
    let frozen = Instant::now() == Instant::now() && guard::is_inside();
    guard::leave();
    assert!(frozen && !guard::is_inside());
}
