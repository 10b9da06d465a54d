//! The calling side.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::super::address::Target;
use super::super::message::{CallKey, Content, Status};
use super::{Error, Request, decode, encode, method_of};
use crate::NodeId;
use crate::executor::Wait;
use crate::hub::HUB;
use crate::net::nanos;
use crate::time::timers::TimerKey;

/// Sends `request` and waits for the reply, at most `patience` on the clock of the node whose code runs.
///
/// Dropping the future gives up on the reply; the request may still have its effect.
///
/// # Errors
/// [`Error::Refused`] when the request certainly had no effect, [`Error::Unknown`] when it may have had one.
pub async fn call<R: Request>(
    to: impl Into<Target>,
    request: &R,
    patience: Duration,
) -> Result<R::Reply, Error> {
    let to = to.into();
    if super::stream::carries_calls() {
        return super::stream::call(&to, request, patience).await;
    }
    let address = match to {
        Target::Address(address) => address,
        name => name.resolve().await.map_err(|error| Error::Refused(error.to_string()))?,
    };
    let buffer = HUB.with(|hub| hub.core.borrow_mut().net.buffer());
    let payload = encode(request, buffer).map_err(|why| Error::Refused(format!("the request {why}")))?;
    let started = HUB.with(|hub| {
        if hub.fenced.get() {
            return Err(Error::Refused("the caller's node has crashed".to_owned()));
        }
        let core = &mut *hub.core.borrow_mut();
        let from = hub.node.get();
        let Some(server) = core.node_at(address.ip(), from) else {
            return Err(Error::Refused(format!("no node has the address {}", address.ip())));
        };
        let key = core.net.calls.open();
        let label = core.net.label(R::NAME, false);
        let content = Content::Call { call: key, port: address.port(), method: method_of::<R>() };
        core.transmit(from, server, label, content, payload);
        let deadline = core.clock(from).local(core.now).saturating_add(nanos(patience));
        Ok(Waiting { key, server, deadline, timer: None })
    });
    let (status, payload) = match started?.await {
        Some(answer) => answer,
        None => return Err(Error::Unknown(format!("no reply from {address} within {patience:?}"))),
    };
    let result = match status {
        Status::Ok => decode(&payload).map_err(|why| Error::Unknown(format!("the reply {why}"))),
        Status::NoListener => Err(Error::Refused(format!("nobody listens at {address}"))),
        Status::NoMethod => Err(Error::Refused(format!("{address} does not serve {}", R::NAME))),
        Status::Undecodable => Err(Error::Refused(format!("{address} could not decode the request"))),
    };
    HUB.with(|hub| hub.core.borrow_mut().net.recycle(payload));
    result
}

/// Waits for an answer, or for patience to end.
struct Waiting {
    key: CallKey,
    server: NodeId,
    /// On the caller's clock.
    deadline: u64,
    timer: Option<TimerKey>,
}

impl Future for Waiting {
    type Output = Option<(Status, Vec<u8>)>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        HUB.with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            let answer = core.net.calls.poll(self.key, cx.waker());
            if answer.is_some() {
                return Poll::Ready(answer);
            }
            let node = hub.node.get();
            let clock = *core.clock(node);
            if clock.local(core.now) >= self.deadline {
                return Poll::Ready(None);
            }
            if !self.timer.is_some_and(|timer| core.timers.rewake(timer, cx.waker())) {
                let (at, waker) = (clock.when(self.deadline), cx.waker().clone());
                let cause = hub.cause.get();
                let timer = core.timers.arm(&mut core.queue, node, self.deadline, at, cause, waker);
                self.timer = Some(timer);
            }
            hub.wait.set(Wait::Reply(self.server));
            Poll::Pending
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // The wakers are dropped once the borrow is over.
        let wakers = HUB.try_with(|hub| {
            let core = &mut *hub.core.borrow_mut();
            let timer = self.timer.and_then(|timer| core.timers.cancel(&mut core.queue, timer));
            let (waker, payload) = core.net.calls.close(self.key);
            if let Some(payload) = payload {
                core.net.recycle(payload);
            }
            (timer, waker)
        });
        drop(wakers);
    }
}
