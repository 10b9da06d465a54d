//! Known wrong turns of coordinator, workers and store. Each is one `if` away.

use crate::bugs::known_bugs;

/// The bugs that a run of this system has switched on.
pub type Bugs = crate::bugs::Bugs<Bug>;

known_bugs! {
    /// A wrong belief that someone has held, planted. Most are the usual mistakes in MIT 6.5840's first lab.
    "mapreduce" Bug {
        /// Belief: what is completed is completed. But a map's output lies on its worker's own disk and dies with it.
        /// Shows when a worker dies after its map, before the reducers have fetched.
        DeadMapsKept = "dead-maps-kept",
            breaks "I3 one_winner", caught_by "mapreduce/lost_mapper";

        /// Belief: a reducer may write to the final name, since nobody looks before the job is over.
        /// Shows to whoever looks, and when a reducer dies half-way.
        WritesFinalName = "writes-final-name",
            breaks "I7 temporary_names_stay_temporary", caught_by "mapreduce/lab_early_exit";

        /// Belief: a task has one attempt at a time, so that its number makes a good temporary name.
        /// Shows when a reducer that was given up goes on writing beside its successor, and their output differs.
        TemporaryNameWithoutAttempt = "temporary-name-without-attempt",
            breaks "I2 atomic_publish", caught_by "mapreduce/zombie_reducer";

        /// Belief: the latest word on where a map's output lies is the best. Two reducers then see two executions of a
        /// map that need not agree.
        /// Shows when a backup task completes after the first.
        MergesAttempts = "merges-attempts",
            breaks "I3 one_winner", caught_by "mapreduce/stragglers";

        /// Belief: when all maps are handed out, reducing may begin.
        /// Shows when a map is slow.
        ReducesAtAssignment = "reduces-at-assignment",
            breaks "I4 full_shuffle", caught_by "mapreduce/stragglers";

        /// Belief: any hash of a key will do. But all workers must agree on it (a hash map's usually is seeded).
        /// Shows whenever two workers meet the same key.
        HashPerProcess = "hash-per-process",
            breaks "I1 output_is_sequential", caught_by "mapreduce/lab_word_count";

        /// Belief: a mapper that cannot be reached will come back, or the coordinator will notice by itself.
        /// Shows when a mapper answers the coordinator and not the reducers.
        FetchFailureIgnored = "fetch-failure-ignored",
            breaks "live", caught_by "mapreduce/unreachable_mapper";

        /// Belief: the job is done when the last task is handed out.
        /// Shows when a reducer is slow.
        DoneAtAssignment = "done-at-assignment",
            breaks "I6 done_means_published", caught_by "mapreduce/lab_early_exit";

        /// Belief: a checkpoint need not tell "assigned" from "completed".
        /// Shows when the coordinator dies while tasks are running.
        CheckpointsRunningAsDone = "checkpoints-running-as-done",
            breaks "I3 one_winner", caught_by "mapreduce/coordinator_restarts";

        /// Belief: counters can be added up as completions arrive. A task that was executed twice then counts twice.
        /// Shows when a completed map is executed again, or a backup completes second.
        CountsEveryCompletion = "counts-every-completion",
            breaks "I8 counted_once", caught_by "mapreduce/lost_mapper";

        /// Belief: copying the finished file to its name is as good as renaming it.
        /// Shows to whoever looks while it is copied.
        PublishesByCopy = "publishes-by-copy",
            breaks "I2 atomic_publish", caught_by "mapreduce/store_loses_power";

        /// Belief: the map phase comes before the reduce phase and never comes back.
        /// Shows when a worker dies with map output that reducers still need.
        MapsNeverReopen = "maps-never-reopen",
            breaks "live", caught_by "mapreduce/lost_mapper";

        /// Belief: a worker that does not have a part had nothing to put into it.
        /// Shows when a worker restarts between its map and the fetch.
        MissingPartIsEmpty = "missing-part-is-empty",
            breaks "I1 output_is_sequential", caught_by "mapreduce/lost_mapper";

        /// Belief: how long a worker has been silent can be read off the wall clock.
        /// Shows when the coordinator's clock is set.
        SilenceByWallClock = "silence-by-wall-clock",
            breaks "I9 only_the_silent_are_dead", caught_by "mapreduce/clock_is_set";

        /// Belief: a completion says which task, and that is enough.
        /// Shows when an attempt that was given up completes after all.
        LateCompletionAccepted = "late-completion-accepted",
            breaks "I3 one_winner", caught_by "mapreduce/zombie_reducer";

        /// Belief: whoever writes to a store works for its job. But attempts are numbered alike in every job.
        /// Shows when a job follows another at the same address, and a worker of the first has not heard of it.
        JobNotLookedAt = "job-not-looked-at",
            breaks "I2 atomic_publish", caught_by "mapreduce/next_job";

        /// Belief: a mapper of which a reducer complains again and again is at fault. It may be the reducer.
        /// Shows when a worker reaches the coordinator and nobody else: it has everybody given up, for ever.
        LoneComplaintBelieved = "lone-complaint-believed",
            breaks "only who is cut off is given up", caught_by "mapreduce/cut_off_worker";

        /// Belief: an empty read is the end of the file, and so of the split.
        /// Shows when an input is cut while the job runs.
        EmptyReadIsTheEnd = "empty-read-is-the-end",
            breaks "I1 output_is_sequential", caught_by "mapreduce/input_shrinks";

        /// Belief: a worker of which nothing was heard for so long is dead. But who was stopped hears nothing.
        /// Shows when the coordinator's process is stopped for longer than a worker may be silent.
        OwnSleepIsTheirSilence = "own-sleep-is-their-silence",
            breaks "nobody is given up who was never silent", caught_by "mapreduce/coordinator_sleeps";

        /// Belief: a quarter of a second is often enough to look for the dead, and a gap of half of what a worker may be
        /// silent is a sleep of one's own. Then every gap may be one.
        /// Shows when workers may be silent for little longer than the coordinator takes from look to look.
        EveryGapIsOwnSleep = "every-gap-is-own-sleep",
            breaks "live", caught_by "mapreduce/short_patience";

        /// Belief: an attempt that has failed or lost takes what it wrote along. But its spills and its output stay on the
        /// worker's disk.
        /// Shows when disks have room for the work, and not for all that came to nothing.
        LosersOutputStays = "losers-output-stays",
            breaks "live", caught_by "mapreduce/small_disks";

        /// Belief: whoever is dead will be noticed by its silence; that somebody says so tells nothing new.
        /// Shows when a worker is killed and patience is long.
        OnlySilenceTells = "only-silence-tells",
            breaks "live", caught_by "mapreduce/told_of_deaths";

        /// Belief: a task that is handed out will be done; why do it twice?
        /// Shows when a worker is slow at the end of a phase.
        NoBackups = "no-backups",
            breaks "live", caught_by "mapreduce/stragglers";

        /// Belief: a write is done when it was asked for.
        /// Shows when the store's disk is full.
        WriteNotLookedAt = "write-not-looked-at",
            breaks "I2 atomic_publish", caught_by "mapreduce/disk_is_full";
    }
}
