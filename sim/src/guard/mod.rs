//! The guard around libc: what node code could learn from the machine, it learns from its world.
//!
//! A third-party crate inside a world may read a clock, draw random bytes, seed a hash map or start a thread, and
//! nothing in the simulator's own API would notice. On the way to the kernel it must pass libc. This module
//! defines those functions of libc itself, so that the linker binds every crate of the program to them, and each of
//! them asks one question: is this thread polling node code just now?
//!
//! - No: the call goes on to the real function, found once and kept, at the cost of one load and one branch.
//! - Yes, and there is a deterministic answer: it is *answered* from the world's [`Hooks`].
//! - Yes, and there is none: it is *refused*. The hook [`Hooks::refused`] records what was called, and the call fails
//!   as the real one would.
//!
//! | inside a world | answer |
//! |---|---|
//! | `clock_gettime`, `gettimeofday`, `time` | the node's clocks; the clocks of used CPU time are refused |
//! | `clock_getres` | 1 ns |
//! | `getrandom`, `getentropy`, also through `syscall` | the node's own random stream |
//! | `sched_getaffinity`, `sysconf` for processors | one processor |
//! | `gethostname` | the node's name |
//! | `clock_nanosleep`, `nanosleep` | refused, and returns at once |
//! | a futex wait with a time limit (`Condvar::wait_timeout`, `park_timeout`, …) | refused, `ETIMEDOUT` |
//! | `pthread_create`, `fork`, `posix_spawn`, `posix_spawnp` | refused, `EAGAIN` |
//! | `socket`, `getaddrinfo` | refused, `EACCES`, `EAI_FAIL` |
//! | opening `/dev/urandom`, `/dev/random`, `/dev/hwrng` | refused, `ENOENT` |
//!
//! The keys of std's `RandomState` are drawn once per thread and counted up for each map, so a world whose maps are to
//! have the same order on every run needs a thread that no other world has used: [`on_fresh_thread`].
//!
//! # What is not covered
//! Linux on x86-64 and aarch64 with a dynamically linked glibc or musl is covered ([`COVERED`]); anywhere else the
//! functions here do nothing and a leak goes unseen. Nowhere covered, because no libc function that a program can
//! define is in between: processor instructions (`rdtsc`, `rdrand`), system calls made by inline assembly (the default
//! of `rustix`), and what libc calls within itself (`arc4random`, `fopen`). Left as they are: the identity of the
//! process and the thread (`getpid`, `gettid`, `std::thread::current().id()`), `uname`, the environment, files, memory
//! in use, `poll` and its kin, statics, and an order that comes from addresses.

mod fresh_thread;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    any(target_env = "gnu", target_env = "musl"),
    not(target_feature = "crt-static")
))]
mod interpose;

use std::cell::Cell;
use std::sync::OnceLock;

pub use fresh_thread::on_fresh_thread;

/// Whether calls into libc are caught on the platform this was compiled for.
pub const COVERED: bool = cfg!(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    any(target_env = "gnu", target_env = "musl"),
    not(target_feature = "crt-static")
));

/// How the world answers for the node whose code is being polled on this thread.
///
/// A hook is called in the middle of whatever node code was doing, through a C frame: it must not panic and must not
/// borrow what may already be borrowed. While it runs, the thread counts as outside.
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    /// The node's monotonic clock, in nanoseconds.
    pub monotonic_now: fn() -> u64,
    /// The node's wall clock, in nanoseconds since the Unix epoch.
    pub wall_now: fn() -> u64,
    /// Fills the slice from the node's own random stream.
    pub fill_random: fn(&mut [u8]),
    /// Writes as much of the node's name as fits and returns the length of the whole name, in bytes.
    pub host_name: fn(&mut [u8]) -> usize,
    /// Records that node code called what no world can answer. The text names the call and its replacement.
    pub refused: fn(&'static str),
}

/// Where the code that runs on a thread stands.
#[derive(Clone, Copy)]
enum Standing {
    /// The simulator, a test, or a program that simulates nothing.
    Outside,
    /// Node code of a world.
    Inside,
    /// A new thread, about to draw the keys of its hash maps from [`HASH_SEED`].
    Seeding,
}

thread_local! {
    // Constant and without a destructor: a plain load at every call, valid before `main` and while a thread ends.
    static STANDING: Cell<Standing> = const { Cell::new(Standing::Outside) };
    static HASH_SEED: Cell<u64> = const { Cell::new(0) };
}

static HOOKS: OnceLock<Hooks> = OnceLock::new();

/// Sets the hooks of this process. The first call counts; until then every thread is outside.
pub fn install(hooks: Hooks) {
    HOOKS.get_or_init(|| hooks);
}

/// From here on this thread runs node code.
#[inline]
pub fn enter() {
    STANDING.set(Standing::Inside);
}

/// From here on this thread runs the simulator or the test.
#[inline]
pub fn leave() {
    STANDING.set(Standing::Outside);
}

/// Whether this thread is running node code.
#[inline]
pub fn is_inside() -> bool {
    matches!(STANDING.get(), Standing::Inside)
}

/// Runs node code: inside for as long as `f` runs, also when it unwinds; then as before.
#[inline]
pub fn inside<R>(f: impl FnOnce() -> R) -> R {
    let _restored = Restored::after(Standing::Inside);
    f()
}

/// Runs the simulator's own code in the middle of node code (a panic hook, a backtrace, a log): outside for as long as
/// `f` runs, also when it unwinds; then as before.
#[inline]
pub fn suspend<R>(f: impl FnOnce() -> R) -> R {
    let _restored = Restored::after(Standing::Outside);
    f()
}

/// Puts a thread back to where it stood.
struct Restored(Standing);

impl Restored {
    #[inline]
    fn after(standing: Standing) -> Self {
        Self(STANDING.replace(standing))
    }
}

impl Drop for Restored {
    #[inline]
    fn drop(&mut self) {
        STANDING.set(self.0);
    }
}
