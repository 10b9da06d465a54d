//! What node code can learn of the machine is the same on every machine.

use std::ffi::CStr;
use std::thread;

use crate::world::{CALM, NODE, assert_refused};

#[test]
fn there_is_one_processor() {
    let (processors, findings) = CALM.run(|| thread::available_parallelism().unwrap().get());
    assert_eq!(processors, 1);
    assert!(findings.is_empty(), "{findings:?}");

    for name in [libc::_SC_NPROCESSORS_ONLN, libc::_SC_NPROCESSORS_CONF] {
        // SAFETY: no pointer is involved.
        assert_eq!(CALM.run(|| unsafe { libc::sysconf(name) }).0, 1);
    }
}

#[test]
fn other_limits_of_the_system_stay() {
    // SAFETY: no pointer is involved.
    let page = || unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    assert_eq!(CALM.run(page).0, page());
    assert!(page() >= 4096);
}

#[test]
fn an_affinity_set_holds_what_fits() {
    let ((narrow, empty), _) = CALM.run(|| {
        let mut set = [0xff_u8; 3];
        // SAFETY: the first call writes two bytes of three, the second none.
        unsafe {
            let narrow = libc::sched_getaffinity(0, 2, set.as_mut_ptr().cast());
            let empty = libc::sched_getaffinity(0, 0, set.as_mut_ptr().cast());
            ((narrow, set), empty)
        }
    });
    assert_eq!(narrow, (0, [1, 0, 0xff]));
    assert_eq!(empty, -1);
}

#[test]
fn the_host_is_called_like_the_node() {
    let (name, _) = CALM.run(|| host_name(64));
    assert_eq!(name, Ok(NODE.to_owned()));
    // Exactly the room that the name needs, and one byte less.
    assert_eq!(CALM.run(|| host_name(NODE.len() + 1)).0, Ok(NODE.to_owned()));
    assert_eq!(CALM.run(|| host_name(NODE.len())).0, Err(libc::ENAMETOOLONG));
    assert_eq!(CALM.run(|| host_name(0)).0, Err(libc::ENAMETOOLONG));
    assert_ne!(host_name(64), Ok(NODE.to_owned()), "outside it is the machine's");
}

fn host_name(room: usize) -> Result<String, i32> {
    let mut bytes = [0x7f_u8; 65];
    // SAFETY: `room` is within the buffer.
    let result = unsafe { libc::gethostname(bytes.as_mut_ptr().cast(), room) };
    assert_eq!(bytes[room], 0x7f, "wrote behind the end");
    match result {
        0 => Ok(CStr::from_bytes_until_nul(&bytes).unwrap().to_str().unwrap().to_owned()),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap()),
    }
}

/// The helper that the tests of refusals rest on can fail.
#[test]
#[should_panic(expected = "expected one finding")]
fn a_call_that_was_not_refused_is_noticed() {
    assert_refused(&CALM.run(|| ()).1, "pthread_create");
}
