//! Known wrong turns. Each is one `if` away. Four more are in [`raft::bugs`](crate::raft::bugs), whose server answers who
//! waits and keeps the snapshots: `answers-by-index`, `forgets-waiters`, `waits-for-the-machine` and `snapshot-one-short`.

use crate::bugs::known_bugs;

/// The bugs that a run of this system has switched on.
pub type Bugs = crate::bugs::Bugs<Bug>;

known_bugs! {
    /// A wrong belief that someone has held, planted.
    "kvraft" Bug {
        /// Belief: a client sends again only what was lost.
        /// It sends again what was not answered.
        /// Shows when: a reply is lost, or a request is copied.
        ForgetsNumbers = "forgets-numbers",
            breaks "R3 executed_once", caught_by "kvraft/lost_replies";

        /// Belief: it is enough to look at the table when the request arrives.
        /// What is in the log already, on its way to be executed, is not in the table yet.
        /// Shows when: a copy arrives, or a resend at the next leader, before the first was applied.
        ChecksAtReceipt = "checks-at-receipt",
            breaks "R3 executed_once", caught_by "kvraft/lost_replies";

        /// Belief: the same write twice is a resend.
        /// Two clients may mean the same.
        /// Shows when: equal values are appended.
        KnowsByContent = "knows-by-content",
            breaks "linearizable", caught_by "kvraft/equal_writes";

        /// Belief: whatever is not the last number is a new one.
        /// A late copy has an older one.
        /// Shows when: a copy of a request is late.
        ExecutesPast = "executes-past",
            breaks "R3 executed_once", caught_by "kvraft/late_copies";

        /// Belief: a session that is not in the table is new.
        /// It may have ended, and the write been executed before.
        /// Shows when: sessions are few and a client is slow.
        ExpiredIsNew = "expired-is-new",
            breaks "R3 executed_once", caught_by "kvraft/sessions_end";

        /// Belief: a write that finds its session ended, and was sent once, was not executed.
        /// The network may have made a copy, which was, before the session ended.
        /// Shows when: sessions are few, and requests are copied.
        ExpiredIsNotDone = "expired-is-not-done",
            breaks "linearizable", caught_by "kvraft/sessions_end";

        /// Belief: each server sees by itself which clients are gone.
        /// Their clocks and their times of applying differ, and then their tables.
        /// Shows when: nothing happens for a while.
        ExpiresByLocalClock = "expires-by-local-clock",
            breaks "R1 replicas_agree", caught_by "kvraft/sessions_end";

        /// Belief: the session that was opened first is the one to end.
        /// It may be the busiest.
        /// Shows when: sessions are few.
        EndsFirstOpened = "ends-first-opened",
            breaks "R6 sessions_are_bounded", caught_by "kvraft/sessions_end";

        /// Belief: a snapshot is the data.
        /// Who executes next must know what has been executed.
        /// Shows when: a server restarts from a snapshot, or is sent one.
        SnapshotWithoutSessions = "snapshot-without-sessions",
            breaks "R4 snapshots_are_whole", caught_by "kvraft/snapshots_carry_sessions";

        /// Belief: the log is small.
        /// Shows when: there are more writes than fit.
        NeverSnapshots = "never-snapshots",
            breaks "the log is kept short", caught_by "kvraft/lab_snapshot_size";

        /// Belief: who leads knows what is committed.
        /// Another may lead since.
        /// Shows when: a leader is cut off.
        ReadsLocally = "reads-locally",
            breaks "linearizable", caught_by "kvraft/old_leader";

        /// Belief: two halves of a range, each of which is current, are the range.
        /// The first may change before the second is read, and the answer has a late write without an earlier one: read
        /// skew (Berenson et al. 1995, A5A).
        /// Shows when: several keys are written during a scan.
        ScansInTwoSnapshots = "scans-in-two-snapshots",
            breaks "R7 scans_see_one_moment", caught_by "kvraft/scans";

        /// Belief: the leader can compare when the request arrives, and replicate what comes of it.
        /// Another write may lie in the log before it.
        /// Shows when: two clients compare and set at once.
        CasAtReceipt = "cas-at-receipt",
            breaks "R2 answers_are_own", caught_by "kvraft/contended_cas";

        /// Belief: `ErrWrongLeader` means that nothing was done.
        /// An entry of a deposed leader may be committed by the next one.
        /// Shows when: a leader is deposed while a client waits, who then gives up.
        DeposedIsCertain = "deposed-is-certain",
            breaks "R5 refusals_are_certain", caught_by "kvraft/clients_give_up";

        /// Belief: what was not answered in time has failed.
        /// It may have been done, or may be yet.
        /// Shows when: a client gives up.
        TimeoutMeansFailed = "timeout-means-failed",
            breaks "R5 refusals_are_certain", caught_by "kvraft/clients_give_up";

        /// Belief: the number of a write that failed can be used for the next one.
        /// It may have been executed.
        /// Shows when: a client gives up and goes on.
        ReusesNumber = "reuses-number",
            breaks "R2 answers_are_own", caught_by "kvraft/clients_give_up";

        /// Belief: every message needs a number of its own.
        /// Then no server knows a resend from the next write.
        /// Shows when: a reply is lost.
        NumbersMessages = "numbers-messages",
            breaks "linearizable", caught_by "kvraft/lost_replies";

        /// Belief: a refusal is a refusal, to whichever message it is the answer.
        /// An earlier one may be its very reason.
        /// Shows when: the reply to a versioned put is lost.
        VersionAfterResend = "version-after-resend",
            breaks "linearizable", caught_by "kvraft/maybe";

        /// Belief: another server has not seen the put yet.
        /// It executes what any of them took.
        /// Shows when: the leader changes between a versioned put and its resend.
        DoubtPerServer = "doubt-per-server",
            breaks "linearizable", caught_by "kvraft/maybe";
    } harmless {
        /// A leader answers a copy of what it has executed at once, past the log. What it has executed is committed.
        AnswersCopiesAtOnce = "answers-copies-at-once", survives "kvraft/swarm";

        /// A late copy is answered as though it had been executed, whatever the answer was: the table has the last one only.
        /// Nobody hears it, for a client waits for no write but its last.
        AnswersPast = "answers-past", survives "kvraft/swarm";

        /// Every read goes through the log.
        ReadsThroughLog = "reads-through-log", survives "kvraft/swarm";

        /// A snapshot after every eighth of what the policy allows.
        SnapshotsOften = "snapshots-often", survives "kvraft/swarm";
    }
}
