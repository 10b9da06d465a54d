//! A world has one thread and no processes: starting either is refused.

use std::ffi::{c_char, c_int, c_void};

use libc::{pid_t, posix_spawn_file_actions_t, posix_spawnattr_t, pthread_attr_t, pthread_t};

use super::{fail, interpose, refuse, world};

const THREAD: &str = "std::thread::spawn (pthread_create): a world has one thread; use sim::task::spawn";
const PROCESS: &str =
    "std::process::Command (fork, posix_spawn): a process would outlive its world; use a node";

type Main = extern "C" fn(*mut c_void) -> *mut c_void;

interpose! {
    fn pthread_create(
        thread: *mut pthread_t, attributes: *const pthread_attr_t, main: Main, argument: *mut c_void
    ) -> c_int, absent libc::ENOSYS;
    if let Some(hooks) = world() => {
        refuse(hooks, THREAD);
        libc::EAGAIN
    };

    fn fork() -> pid_t, absent fail(libc::ENOSYS);
    if let Some(hooks) = world() => {
        refuse(hooks, PROCESS);
        fail(libc::EAGAIN)
    };

    fn posix_spawn(
        pid: *mut pid_t, path: *const c_char, actions: *const posix_spawn_file_actions_t,
        attributes: *const posix_spawnattr_t, arguments: *const *mut c_char, environment: *const *mut c_char
    ) -> c_int, absent libc::ENOSYS;
    if let Some(hooks) = world() => {
        refuse(hooks, PROCESS);
        libc::EAGAIN
    };

    fn posix_spawnp(
        pid: *mut pid_t, file: *const c_char, actions: *const posix_spawn_file_actions_t,
        attributes: *const posix_spawnattr_t, arguments: *const *mut c_char, environment: *const *mut c_char
    ) -> c_int, absent libc::ENOSYS;
    if let Some(hooks) = world() => {
        refuse(hooks, PROCESS);
        libc::EAGAIN
    };
}
