//! Random bytes drawn in node code are the node's.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::ErrorKind;
use std::mem::transmute;
use std::time::Duration;

use crate::world::{CALM, World, assert_refused};

type GetRandom = unsafe extern "C" fn(*mut c_void, libc::size_t, libc::c_uint) -> libc::ssize_t;

unsafe extern "C" {
    // Missing from the bindings for musl.
    fn getentropy(buffer: *mut c_void, length: libc::size_t) -> c_int;
}

#[test]
fn libc_s_random_bytes_are_the_node_s_stream() {
    let world = World { chance: 9, ..CALM };
    let (bytes, findings) = world.run(|| {
        let mut bytes = [0_u8; 8];
        // SAFETY: each pair of arguments is a buffer and a length within it.
        unsafe {
            assert_eq!(libc::getrandom(bytes.as_mut_ptr().cast(), 3, 0), 3);
            assert_eq!(getentropy(bytes[3..].as_mut_ptr().cast(), 2), 0);
            assert_eq!(libc::syscall(libc::SYS_getrandom, bytes[5..].as_mut_ptr(), 3, 0), 3);
        }
        bytes
    });
    assert_eq!(bytes, [9, 10, 11, 12, 13, 14, 15, 16]);
    assert!(findings.is_empty(), "{findings:?}");
}

/// So does the crate `getrandom`, and with it `rand`.
#[test]
fn a_symbol_looked_up_at_run_time_is_the_guard_s() {
    let world = World { chance: 40, ..CALM };
    let (bytes, _) = world.run(|| {
        let mut bytes = [0_u8; 2];
        // SAFETY: `dlsym` finds a function whose type is that of libc's `getrandom`.
        unsafe {
            let found = libc::dlsym(libc::RTLD_DEFAULT, c"getrandom".as_ptr());
            let getrandom: GetRandom = transmute(found);
            assert_eq!(getrandom(std::ptr::null_mut(), 0, 0), 0, "the probe of a caller that draws nothing");
            assert_eq!(getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0), 2);
        }
        bytes
    });
    assert_eq!(bytes, [40, 41]);
}

#[test]
fn getentropy_keeps_its_limit() {
    let (result, _) = CALM.run(|| {
        let mut bytes = [0_u8; 257];
        // SAFETY: a buffer and its length.
        let result = unsafe { getentropy(bytes.as_mut_ptr().cast(), bytes.len()) };
        (result, std::io::Error::last_os_error().raw_os_error())
    });
    assert_eq!(result, (-1, Some(libc::EIO)));
}

#[test]
fn the_random_device_is_refused_and_other_files_are_not() {
    let (opened, findings) = CALM.run(|| File::open("/dev/urandom").map_err(|error| error.kind()).err());
    assert_eq!(opened, Some(ErrorKind::NotFound));
    assert_refused(&findings, "random device");

    let (opened, findings) = CALM.run(|| File::open(file!()).is_ok() || File::open("/dev/null").is_ok());
    assert!(opened && findings.is_empty(), "{findings:?}");

    // SAFETY: the path ends in a zero byte.
    let (opened, findings) = CALM.run(|| unsafe { libc::open(c"/dev/random".as_ptr(), libc::O_RDONLY) });
    assert_eq!(opened, -1);
    assert_refused(&findings, "random device");
}

/// A file is made with the mode that the caller gave, the one argument that C passes as variadic.
#[test]
fn open_passes_the_mode_on() {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    for mode in [0o600, 0o400] {
        let path = folder.path().join(format!("{mode:o}"));
        let create =
            || std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).unwrap();
        let file = if mode == 0o600 { CALM.run(create).0 } else { create() };
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, mode);
        assert!(file.metadata().unwrap().modified().unwrap().elapsed().unwrap() < Duration::from_secs(3600));
    }
}
