//! Random bytes come from the node's own stream; the devices that give them are refused.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::slice;

use libc::{mode_t, size_t, ssize_t};

use super::{HASH_SEED, HOOKS, Hooks, STANDING, Standing, fail, interpose, refuse, suspend, world};

/// The most that one `getentropy` gives.
const ENTROPY_LIMIT: size_t = 256;

const DEVICES: [&CStr; 3] = [c"/dev/urandom", c"/dev/random", c"/dev/hwrng"];

interpose! {
    fn getrandom(buffer: *mut c_void, length: size_t, flags: c_uint) -> ssize_t, absent fail(libc::ENOSYS) as ssize_t;
    if let Some(source) = source() => {
        // SAFETY: the caller gives `length` writable bytes.
        unsafe { source.fill(buffer, length) };
        length as ssize_t
    };

    fn getentropy(buffer: *mut c_void, length: size_t) -> c_int, absent fail(libc::ENOSYS);
    if let Some(source) = source() => {
        if length > ENTROPY_LIMIT {
            return fail(libc::EIO);
        }
        // SAFETY: the caller gives `length` writable bytes.
        unsafe { source.fill(buffer, length) };
        0
    };

    // Variadic in C: `mode` is there only when a file may be created. Both calling conventions pass it like a named
    // argument; where it is not there, what its register held goes on to a function that does not look at it.
    fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int, absent fail(libc::ENOSYS);
    // SAFETY: the caller's path is null or ends in a zero byte.
    if let Some(hooks) = world().filter(|_| unsafe { is_device(path) }) => refuse_device(hooks);

    #[cfg(target_env = "gnu")]
    fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int, absent fail(libc::ENOSYS);
    // SAFETY: the caller's path is null or ends in a zero byte.
    if let Some(hooks) = world().filter(|_| unsafe { is_device(path) }) => refuse_device(hooks);
}

/// Where deterministic random bytes come from.
pub(super) enum Source {
    World(&'static Hooks),
    Seed(u64),
}

/// `None` outside.
pub(super) fn source() -> Option<Source> {
    match STANDING.get() {
        Standing::Outside => None,
        Standing::Inside => HOOKS.get().map(Source::World),
        Standing::Seeding => Some(Source::Seed(HASH_SEED.get())),
    }
}

impl Source {
    /// # Safety
    /// `buffer` is valid for writes of `length` bytes; it may be anything if `length` is 0.
    pub(super) unsafe fn fill(&self, buffer: *mut c_void, length: size_t) {
        if length == 0 {
            return;
        }
        // A slice of bytes that were never written would be undefined, and the caller's may be.
        // SAFETY: writable for `length` bytes by this function's contract.
        unsafe { buffer.write_bytes(0, length) };
        // SAFETY: written just now; the caller lends the bytes for the time of the call.
        let bytes = unsafe { slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
        match self {
            Self::World(hooks) => suspend(|| (hooks.fill_random)(bytes)),
            Self::Seed(seed) => split_mix(*seed, bytes),
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): seeds that differ in one bit give keys that have nothing in common.
fn split_mix(seed: u64, bytes: &mut [u8]) {
    let mut state = seed;
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
    }
}

/// # Safety
/// `path` is null or ends in a zero byte.
unsafe fn is_device(path: *const c_char) -> bool {
    if path.is_null() {
        return false;
    }
    // SAFETY: not null, so it ends in a zero byte by this function's contract.
    DEVICES.contains(&unsafe { CStr::from_ptr(path) })
}

fn refuse_device(hooks: &Hooks) -> c_int {
    refuse(hooks, "open of a random device: it differs from run to run; use sim::rand");
    fail(libc::ENOENT)
}

#[cfg(test)]
mod tests {
    use super::split_mix;

    /// The generator's published first outputs for the seed 0.
    #[test]
    fn split_mix_gives_its_reference_values() {
        let mut bytes = [0; 20];
        split_mix(0, &mut bytes);
        assert_eq!(bytes[..8], 0xe220_a839_7b1d_cdaf_u64.to_le_bytes());
        assert_eq!(bytes[8..16], 0x6e78_9e6a_a1b9_65f4_u64.to_le_bytes());
        assert_eq!(bytes[16..], 0x06c4_5d18_8009_454f_u64.to_le_bytes()[..4]);
    }
}
