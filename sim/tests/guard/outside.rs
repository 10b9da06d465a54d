//! Outside a world everything is real, also in a process that runs worlds on other threads.

use std::net::{ToSocketAddrs, UdpSocket};
use std::process::Command;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stormglass_sim::guard;

use crate::world::CALM;

#[test]
fn real_time_flows() {
    CALM.run(|| ());
    let start = Instant::now();
    thread::sleep(Duration::from_millis(3));
    assert!(start.elapsed() >= Duration::from_millis(3));
    let since_2020 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(since_2020 > Duration::from_secs(1_577_836_800));
    // SAFETY: null asks for the returned value alone.
    let seconds = unsafe { libc::time(std::ptr::null_mut()) };
    assert!(seconds.abs_diff(since_2020.as_secs() as i64) <= 1);
}

#[test]
fn a_wait_with_a_time_limit_waits() {
    let start = Instant::now();
    let (lock, never) = (Mutex::new(()), Condvar::new());
    let (_held, result) = never.wait_timeout(lock.lock().unwrap(), Duration::from_millis(3)).unwrap();
    assert!(result.timed_out() && start.elapsed() >= Duration::from_millis(3));
}

#[test]
fn threads_processes_and_sockets_start_beside_a_world() {
    CALM.run(|| {
        // The world is on this thread alone, and a new thread is outside.
        guard::suspend(|| {
            thread::scope(|scope| {
                scope.spawn(|| {
                    assert!(!guard::is_inside());
                    assert!(Command::new("true").status().unwrap().success());
                    UdpSocket::bind("127.0.0.1:0").unwrap();
                    assert!("localhost:80".to_socket_addrs().unwrap().count() > 0);
                });
            });
        });
    });
}

#[test]
fn random_bytes_differ() {
    let draw = || {
        let mut bytes = [0_u8; 32];
        // SAFETY: each pair of arguments is a buffer and a length within it.
        unsafe {
            assert_eq!(libc::getrandom(bytes.as_mut_ptr().cast(), 16, 0), 16);
            assert_eq!(libc::syscall(libc::SYS_getrandom, bytes[16..].as_mut_ptr(), 16, 0), 16);
        }
        bytes
    };
    let (first, second) = (draw(), draw());
    assert_ne!(first[..16], second[..16]);
    assert_ne!(first[16..], second[16..]);
    std::fs::File::open("/dev/urandom").unwrap();
}

/// Six arguments arrive at the kernel in their order, and `errno` comes back.
#[test]
fn a_system_call_arrives_whole() {
    // SAFETY: an anonymous private page, asked for with all six arguments, is given back.
    unsafe {
        let (size, access) = (4096, libc::PROT_READ | libc::PROT_WRITE);
        let how = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page = libc::syscall(libc::SYS_mmap, 0_usize, size, access, how, -1, 0_usize);
        assert!(page > 0, "{}", std::io::Error::last_os_error());
        (page as *mut u8).write(1);
        assert_eq!(libc::syscall(libc::SYS_munmap, page, size), 0);
        assert_eq!(libc::syscall(libc::SYS_close, -1), -1);
    }
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EBADF));
}
