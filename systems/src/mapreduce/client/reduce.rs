//! A reduce task (§3.1, steps 5 and 6): fetches its part of every map, merges, reduces, publishes.

use stormglass_sim::task::yield_now;

use super::super::app::Application;
use super::super::message::{Attempt, Bytes, Counters, Culprit, Task};
use super::super::spec::Observation;
use super::merging::Merging;
use super::output::Writer;
use super::shuffle::{Shuffle, remove};
use super::{Trouble, Worker, counters, user_code};

/// After so many pairs others may run.
const PAIRS_AT_ONCE: u64 = 256;

/// One attempt.
pub(super) struct Reduce {
    pub(super) reduce: u32,
    pub(super) attempt: Attempt,
    pub(super) skip: Vec<Bytes>,
}

#[derive(Default)]
struct Counted {
    keys: u64,
    values: u64,
    skipped: u64,
}

impl Reduce {
    pub(super) async fn carry_out(self, worker: &Worker) -> Result<Counters, Trouble> {
        let (app, _) = worker.app();
        let mut shuffle = Shuffle::new(worker, self.reduce, self.attempt);
        shuffle.fetch_all().await?;
        let (mut merging, runs) = shuffle.merged().await?;
        let mut writer = Writer::new(worker, self.reduce, self.attempt);
        let counted = self.reduce_all(worker, &*app, &mut merging, &mut writer).await?;
        drop(merging);
        remove(&runs).await?;
        let shown = writer.finish().await?;
        let (task, attempt, consumed) = (Task::Reduce(self.reduce), self.attempt, shuffle.consumed);
        worker.config.probe.observe(|| Observation::CarriedOut {
            job: worker.job(),
            task,
            attempt,
            consumed,
            output: shown.unwrap_or_default(),
        });
        writer.commit().await?;
        Ok(counters(&[
            ("keys reduced", counted.keys),
            ("keys skipped", counted.skipped),
            ("values reduced", counted.values),
        ]))
    }

    async fn reduce_all(
        &self,
        worker: &Worker,
        app: &dyn Application,
        merging: &mut Merging,
        writer: &mut Writer<'_>,
    ) -> Result<Counted, Trouble> {
        let (mut counted, mut pairs) = (Counted::default(), 0);
        let (mut key, mut state, mut out) = (Vec::new(), Vec::new(), Vec::new());
        let (mut begun, mut skipping) = (false, false);
        loop {
            let pair = merging.pair();
            let goes_on = begun && pair.is_some_and(|(next, _)| next == key);
            if begun && !goes_on && !skipping {
                user_code(|| culprit(&key), || app.finish(&key, &state, &mut out))?;
            }
            let Some((next, value)) = pair else { break };
            if !goes_on {
                begun = true;
                key.clear();
                key.extend_from_slice(next);
                state.clear();
                skipping = self.skip.iter().any(|Bytes(skip)| *skip == key);
                counted.keys += u64::from(!skipping);
                counted.skipped += u64::from(skipping);
            }
            if !skipping {
                counted.values += 1;
                user_code(|| culprit(&key), || app.reduce(&key, value, &mut state, &mut out))?;
            }
            merging.advance().await?;
            pairs += 1;
            if out.len() >= worker.config.chunk {
                writer.write(&mut out).await?;
            }
            if pairs % PAIRS_AT_ONCE == 0 {
                yield_now().await;
            }
        }
        writer.write(&mut out).await?;
        Ok(counted)
    }
}

fn culprit(key: &[u8]) -> Culprit {
    Culprit::Key(Bytes(key.to_vec()))
}
