//! What the machine is: one processor, and the node's own name.

use std::ffi::{c_char, c_int, c_long};
use std::slice;

use libc::{cpu_set_t, pid_t, size_t};

use super::{fail, interpose, suspend, world};

/// As many as a world has threads. Any other number would also be cut down by the limits that std reads from the
/// control group of the process, and so differ from machine to machine.
const PROCESSORS: c_long = 1;

interpose! {
    fn sched_getaffinity(process: pid_t, size: size_t, set: *mut cpu_set_t) -> c_int, absent fail(libc::ENOSYS);
    if let Some(_hooks) = world() => {
        if size == 0 {
            return fail(libc::EINVAL);
        }
        // SAFETY: the caller gives `size` writable bytes, which are at least one.
        let mask = unsafe {
            set.cast::<u8>().write_bytes(0, size);
            slice::from_raw_parts_mut(set.cast::<u8>(), size)
        };
        // The first of the set's bits is in its first byte on a little-endian machine, as all covered ones are.
        mask[0] = 1;
        0
    };

    fn sysconf(name: c_int) -> c_long, absent fail(libc::EINVAL).into();
    if let Some(_hooks) =
        world().filter(|_| matches!(name, libc::_SC_NPROCESSORS_ONLN | libc::_SC_NPROCESSORS_CONF)) => PROCESSORS;

    fn gethostname(name: *mut c_char, size: size_t) -> c_int, absent fail(libc::ENOSYS);
    if let Some(hooks) = world() => {
        if size == 0 {
            return fail(libc::ENAMETOOLONG);
        }
        // SAFETY: the caller gives `size` writable bytes, which are at least one.
        let bytes = unsafe {
            name.cast::<u8>().write_bytes(0, size);
            slice::from_raw_parts_mut(name.cast::<u8>(), size)
        };
        let (room, end) = bytes.split_at_mut(size - 1);
        let length = suspend(|| (hooks.host_name)(room));
        end[0] = 0;
        if length > room.len() { fail(libc::ENAMETOOLONG) } else { 0 }
    };
}
