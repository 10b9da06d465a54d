//! The functions of libc that this crate defines in libc's stead.
//!
//! A program's own definition of a symbol wins over that of a shared library, for Rust and C code alike, and also for
//! code that looks the symbol up at run time. `dlsym(RTLD_NEXT, …)` still finds the real one. glibc returns the vDSO's
//! or its own fast path from there, so a clock read outside stays free of a system call.
//!
//! Nothing here allocates, locks or keeps state beyond one pointer per function: malloc, a signal handler and a library
//! that starts before `main` all may call in.
#![expect(unsafe_code, reason = "defining libc's functions is foreign code by nature")]

mod machine;
mod network;
mod random;
mod spawn;
mod syscall;
mod time;

use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::mem::transmute_copy;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::{HASH_SEED, HOOKS, Hooks, STANDING, Standing, suspend};

/// The hooks, if this thread is running node code.
#[inline]
fn world() -> Option<&'static Hooks> {
    match STANDING.get() {
        Standing::Inside => HOOKS.get(),
        Standing::Outside | Standing::Seeding => None,
    }
}

/// Records the call; the caller then fails as the real function would.
fn refuse(hooks: &Hooks, what: &'static str) {
    suspend(|| (hooks.refused)(what));
}

/// Sets `errno` and returns -1.
fn fail(errno: c_int) -> c_int {
    // SAFETY: the location of this thread's `errno` is valid for as long as the thread lives.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// The definition that this crate's definition of the same name hides.
struct Next<F> {
    name: &'static CStr,
    /// Null until it was looked up and found. Any order of loads and stores will do: all find the same address.
    found: AtomicPtr<c_void>,
    function: PhantomData<F>,
}

impl<F: Copy> Next<F> {
    /// # Safety
    /// `F` is the type of a pointer to the C function `name`.
    const unsafe fn new(name: &'static CStr) -> Self {
        assert!(size_of::<F>() == size_of::<*mut c_void>());
        Self { name, found: AtomicPtr::new(null_mut()), function: PhantomData }
    }

    /// `None` if this libc lacks the function.
    #[inline]
    fn get(&self) -> Option<F> {
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            found = self.look_up();
        }
        // SAFETY: a pointer that `dlsym` found for `name`, whose type is `F` by the contract of `new`, which also
        // compared the sizes.
        (!found.is_null()).then(|| unsafe { transmute_copy(&found) })
    }

    #[cold]
    fn look_up(&self) -> *mut c_void {
        // SAFETY: `name` ends in a zero byte; RTLD_NEXT needs no handle.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.found.store(found, Ordering::Relaxed);
        found
    }
}

/// Defines functions of libc. Each states what it returns where libc lacks it, when it does not go on to the real one,
/// and what it does then.
macro_rules! interpose {
    ($(
        $(#[$attribute:meta])*
        fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty, absent $absent:expr;
        if let Some($found:ident) = $condition:expr => $body:expr;
    )+) => {$(
        $(#[$attribute])*
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> $output {
            const NAME: &std::ffi::CStr =
                match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => panic!("an identifier holds no zero byte"),
                };
            static NEXT: $crate::guard::interpose::Next<unsafe extern "C" fn($($type),*) -> $output> =
                // SAFETY: the signature that this very function shares with the one it hides.
                unsafe { $crate::guard::interpose::Next::new(NAME) };
            if let Some($found) = $condition {
                return $body;
            }
            match NEXT.get() {
                // SAFETY: the caller's own arguments, under the caller's own obligations.
                Some(next) => unsafe { next($($argument),*) },
                None => $absent,
            }
        }
    )+};
}
use interpose;
