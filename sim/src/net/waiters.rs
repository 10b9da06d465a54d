//! Who waits for something.

use std::task::Waker;

/// Tasks to wake when something happens: usually one, hence the first in place.
#[derive(Default, Debug)]
pub(crate) struct Waiters {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Waiters {
    pub(crate) fn add(&mut self, waker: &Waker) {
        match &self.first {
            None => self.first = Some(waker.clone()),
            Some(first) if first.will_wake(waker) => {}
            Some(_) if self.others.iter().any(|other| other.will_wake(waker)) => {}
            Some(_) => self.others.push(waker.clone()),
        }
    }

    /// Moves all to `out`, for waking once no borrow is held.
    #[inline]
    pub(crate) fn drain_into(&mut self, out: &mut Vec<Waker>) {
        if let Some(first) = self.first.take() {
            out.push(first);
            if !self.others.is_empty() {
                out.append(&mut self.others);
            }
        }
    }
}
