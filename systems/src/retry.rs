//! How a clerk waits: for a reply, between two tries, and in all.

use std::time::Duration;

use stormglass_sim::rand;
use stormglass_sim::time::{Instant, sleep};

/// Pauses that grow, each drawn between half and all of its length so that clerks do not march in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// What they double up to.
    pub most: Duration,
}

impl Backoff {
    /// The longest that the pause before try number `tries + 1` may be.
    pub fn limit(&self, tries: u32) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }

    /// A pause after `tries` tries.
    pub fn draw(&self, tries: u32) -> Duration {
        let limit = self.limit(tries);
        let half = u64::try_from(limit.as_nanos() / 2).unwrap_or(u64::MAX);
        limit - Duration::from_nanos(if half == 0 { 0 } else { rand::below(half) })
    }
}

impl Default for Backoff {
    /// 100 ms, as the lab's page suggests, up to 1 s.
    fn default() -> Self {
        Backoff { first: Duration::from_millis(100), most: Duration::from_secs(1) }
    }
}

/// A clerk's patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How long it waits for the reply to one message.
    pub reply: Duration,
    /// How long it pauses before it sends again.
    pub backoff: Backoff,
    /// How long it tries in all; `None`: for ever.
    pub patience: Option<Duration>,
}

impl Default for Retry {
    /// Half a second for a reply, and for ever.
    fn default() -> Self {
        Retry { reply: Duration::from_millis(500), backoff: Backoff::default(), patience: None }
    }
}

/// How many times as long as for a small answer is waited for a large one, at most.
const LONGEST: u32 = 32;

/// One operation's tries.
#[derive(Debug)]
pub(crate) struct Tries {
    retry: Retry,
    made: u32,
    deadline: Option<Instant>,
}

impl Tries {
    /// Who waits for little in all waits for less for a reply, or no time would ever be left for a second message.
    pub(crate) fn start(retry: Retry) -> Self {
        let reply = retry.patience.map_or(retry.reply, |patience| patience.min(retry.reply));
        let retry = Retry { reply, ..retry };
        Tries { retry, made: 0, deadline: retry.patience.map(|patience| Instant::now() + patience) }
    }

    /// How long to wait for the reply to the message that leaves now.
    pub(crate) fn reply(&self) -> Duration {
        self.retry.reply.min(self.left())
    }

    /// The same for a message whose answer takes nobody knows how long: longer with each that was not answered.
    pub(crate) fn longer(&self) -> Duration {
        (self.retry.reply * (self.made + 1).min(LONGEST)).min(self.left())
    }

    /// Pauses before the next message. `false`: there shall be none.
    pub(crate) async fn pause(&mut self) -> bool {
        self.made = self.made.saturating_add(1);
        let pause = self.retry.backoff.draw(self.made);
        if pause >= self.left() {
            return false;
        }
        sleep(pause).await;
        true
    }

    /// Whether the time left is too short for another message: its answer would come late, and leave doubt.
    pub(crate) fn are_over(&self) -> bool {
        self.left() < self.retry.reply / 4
    }

    fn left(&self) -> Duration {
        let now = Instant::now();
        self.deadline.map_or(Duration::MAX, |end| if end > now { end - now } else { Duration::ZERO })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_most() {
        let limits = [1, 2, 3, 4, 5, 6, 100].map(|tries| Backoff::default().limit(tries).as_millis());
        assert_eq!(limits, [100, 200, 400, 800, 1000, 1000, 1000]);
    }
}
