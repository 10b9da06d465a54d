//! Known wrong turns of the server, the clerk and the lock. Each is one `if` away.

use crate::bugs::known_bugs;

/// The bugs that a run of this system has switched on.
pub type Bugs = crate::bugs::Bugs<Bug>;

known_bugs! {
    /// A wrong belief that someone has held, planted.
    ///
    /// The first nine are the mutations of the catalogue; the others concern what the lab does not have: a network
    /// that duplicates, and a disk.
    "kv" Bug {
        /// Belief: `ErrVersion` means that my Put did not happen, whichever of my messages it answers.
        /// But the first may have been installed, its reply lost, and the resend been refused because of it.
        /// Shows when a reply is lost (chance of the loss, for every Put without rivals).
        ErrVersionAfterResend = "err-version-after-resend",
            breaks "I4 rejection_is_definite", caught_by "kv/lost_reply";

        /// Belief: a resend is refused only because the first message was installed.
        /// But the first may have been lost, and another clerk's Put taken the version in between.
        /// Shows when a request is lost and a rival writes the same key.
        OkAfterResend = "ok-after-resend",
            breaks "I3 ok_means_installed", caught_by "kv/contended_puts";

        /// Belief: a version above the stored one is from the future and may overwrite.
        /// Shows when a clerk puts at a version that nobody has told it.
        AcceptsFutureVersion = "accepts-future-version",
            breaks "I1 versions_are_a_chain", caught_by "kv/contended_puts";

        /// Belief: version 0 means "I do not care". It means "the key must not exist".
        /// Shows when two clerks create the same key.
        ZeroOverwrites = "zero-overwrites",
            breaks "I3 ok_means_installed", caught_by "kv/contended_puts";

        /// Belief: `ErrMaybe` on taking the lock means it is mine.
        /// Shows when a request is lost while another takes the lock.
        MaybeTakesLock = "maybe-takes-lock",
            breaks "I5 lock_intervals_are_disjoint", caught_by "kv/two_lock_holders";

        /// Belief: `ErrMaybe` on taking the lock means it is not mine; try again as somebody new.
        /// Then I hold the lock under a name I have forgotten, and wait for myself.
        /// Shows when a reply to the Put that took the lock is lost. Safety holds; nobody gets on.
        MaybeForgetsLock = "maybe-forgets-lock",
            breaks "live", caught_by "kv/two_lock_holders";

        /// Belief: whoever calls Release holds the lock, so what is read need not be looked at.
        /// But the first Put may have freed it, its reply lost, and another have taken it since.
        /// Shows when the reply to a freeing Put is lost while another waits for the lock.
        ReleaseWithoutLooking = "release-without-looking",
            breaks "I6 only_the_holder_releases", caught_by "kv/two_lock_holders";

        /// Belief: a clerk has one operation at a time, so its last reply answers its resend.
        /// But the first message of this operation may have been lost; the last reply is to the one before.
        /// Shows when a request is lost after an earlier Put of the same clerk.
        ReplyCacheWithoutSequence = "reply-cache-without-sequence",
            breaks "I3 ok_means_installed", caught_by "kv/lost_reply";

        /// Belief: the write will reach the disk soon enough. Durable server only.
        /// Shows when the power fails between a reply and the fsync after it.
        AckBeforeFsync = "ack-before-fsync",
            breaks "I7 answers_survive_crashes", caught_by "kv/power_loss";

        /// Belief: the network delivers a request at most once (the lab's does).
        /// The copy of an installed Put is refused, and the refusal may overtake the first reply or outlive it.
        /// Shows when a request is duplicated and a reply is lost or late.
        AnswersDuplicates = "answers-duplicates",
            breaks "I4 rejection_is_definite", caught_by "kv/duplicated_requests";

        /// Belief: a read changes nothing, so it need not wait for the disk. Durable server only.
        /// But what it shows may be a write whose fsync is still to come.
        /// Shows when a Get meets an fsync in progress and the power fails before it ends.
        ReadsBeforeFsync = "reads-before-fsync",
            breaks "I7 answers_survive_crashes", caught_by "kv/power_loss";

        /// Belief: an fsync that failed can be tried again. Durable server only.
        /// But the kernel may have dropped the dirty pages, and the second one then has nothing to write.
        /// Shows when an fsync fails and the power fails later.
        RetriesFsync = "retries-fsync",
            breaks "I7 answers_survive_crashes", caught_by "kv/fsync_fails";

        /// Belief: what recovery could read is on the disk. Durable server only.
        /// But it may be in the page cache alone, left there by the process that crashed before its fsync.
        /// Shows when the process crashes between write and fsync, and the power fails after the restart.
        TrustsPageCache = "trusts-page-cache",
            breaks "I7 answers_survive_crashes", caught_by "kv/power_loss";

        /// Belief: a rename puts the new log in place of the old, whole. Durable server only.
        /// But the name may reach the disk before the content.
        /// Shows when the power fails soon after a compaction.
        RenamesBeforeFsync = "renames-before-fsync",
            breaks "I7 answers_survive_crashes", caught_by "kv/power_loss";

        /// Belief: a value and its version may be made durable one after the other. Durable server only.
        /// But between the two the new value stands under the old version, which others have seen with another.
        /// Shows when the server dies right after the first of the two fsyncs.
        ValueBeforeVersion = "value-before-version",
            breaks "I7 answers_survive_crashes", caught_by "kv/rare_puts";

        /// Belief: fsync of a file makes its name stable too. Durable server only.
        /// But the name lives in the directory; without it the records since are in a file nobody will open.
        /// Shows when the power fails after the log was created or compacted, and written to.
        ForgetsDirectory = "forgets-directory",
            breaks "I7 answers_survive_crashes", caught_by "kv/power_loss";

        /// Belief: a request that finds the queue full is not done, so its clerk may be told so: `ErrVersion`.
        /// But that says more, that the key has another version. There is no answer for "not now" but silence.
        /// Shows when the queue is full.
        RefusesWhenFull = "refuses-when-full",
            breaks "linearizable", caught_by "kv/full_queue";
    }
}
