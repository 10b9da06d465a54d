//! Wakers without counters: a task's place and generation packed into the pointer.

use std::task::{RawWaker, RawWakerVTable, Waker};

use super::TaskKey;
use crate::hub::HUB;

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, forget);

fn clone(data: *const ()) -> RawWaker {
    RawWaker::new(data, &VTABLE)
}

/// Notes the wake-up; the executor looks whether the task still exists. On a thread without a world, and for a
/// task of a world that is gone, this does nothing: the generation in the key no longer fits.
fn wake(data: *const ()) {
    let key = TaskKey(data.addr() as u64);
    // `try_with`: a waker may be dropped or called while the thread ends.
    let _ = HUB.try_with(|hub| {
        if hub.running.get() {
            hub.woken.borrow_mut().push((key, hub.cause.get()));
        }
    });
}

fn forget(_: *const ()) {}

/// The waker of a task. Cloning, waking and dropping it touch no counter and no lock.
#[expect(unsafe_code, reason = "a waker is made from a vtable")]
pub(crate) fn waker(key: TaskKey) -> Waker {
    let data = std::ptr::without_provenance(key.0 as usize);
    // SAFETY: the contract of `RawWaker` asks that the functions be thread-safe and manage the data's resources.
    // The data is an integer, never dereferenced: nothing is owned, so clone and drop have nothing to manage, and
    // from another thread `wake` reaches only that thread's own hub, where a foreign or stale key wakes nothing
    // or, at worst, polls a task once more than needed.
    unsafe { Waker::from_raw(RawWaker::new(data, &VTABLE)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clones that outlive their task and wake on other threads touch no memory: under valgrind this is silent.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "shows that a waker on a foreign thread is harmless")]
    fn a_waker_outlives_its_world_and_its_thread() {
        let waker = waker(TaskKey::new(7, 9));
        let copies: Vec<Waker> = (0..100).map(|_| waker.clone()).collect();
        waker.wake_by_ref();
        assert!(copies[0].will_wake(&waker));
        std::thread::spawn(move || copies.into_iter().for_each(Waker::wake)).join().expect("no panic");
        HUB.with(|hub| assert!(hub.woken.borrow().is_empty(), "no world runs here: nothing was noted"));
    }
}
