//! A node speaks to other nodes of its world alone: a real socket or a real name lookup is refused.

use std::ffi::{c_char, c_int};

use libc::addrinfo;

use super::{fail, interpose, refuse, world};

interpose! {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int, absent fail(libc::ENOSYS);
    if let Some(hooks) = world() => {
        refuse(hooks, "std::net (socket): it reaches the real network; use sim::net");
        fail(libc::EACCES)
    };

    fn getaddrinfo(
        node: *const c_char, service: *const c_char, hints: *const addrinfo, found: *mut *mut addrinfo
    ) -> c_int, absent libc::EAI_FAIL;
    if let Some(hooks) = world() => {
        refuse(hooks, "std::net::ToSocketAddrs (getaddrinfo): it asks the real network; use sim::net::lookup_host");
        libc::EAI_FAIL
    };
}
