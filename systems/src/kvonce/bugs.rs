//! Known wrong turns of the server. Each is one `if` away.

use crate::bugs::known_bugs;

/// The bugs that a run of this system has switched on.
pub type Bugs = crate::bugs::Bugs<Bug>;

known_bugs! {
    /// A wrong belief that someone has held, planted.
    "kvonce" Bug {
        /// Belief: a clerk has one operation at a time, so its last reply answers its resend.
        /// But the first message of this operation may have been lost; the last reply is to the one before.
        /// Shows when a request is lost after an earlier write of the same clerk.
        ReplyCacheWithoutSequence = "reply-cache-without-sequence",
            breaks "O2 answered_means_executed", caught_by "kvonce/lost_messages";

        /// Belief: once the reply is sent it need not be kept; the number alone tells a resend.
        /// But the clerk resends because the reply was lost, and gets an empty one.
        /// Shows when the reply to an Append is lost.
        ReplyDroppedAtOnce = "reply-dropped-at-once",
            breaks "O3 append_returns_the_value_before", caught_by "kvonce/lost_messages";

        /// Belief: only a Put can be repeated by a resend, an Append is always news.
        /// Shows when the reply to an Append is lost, or its request duplicated.
        AppendsAgain = "appends-again",
            breaks "O1 executed_at_most_once", caught_by "kvonce/lost_messages";

        /// Belief: a clerk that has moved on sends nothing old, so only its last number needs comparing.
        /// But the network may still hold a copy of a request from before.
        /// Shows when a request is duplicated (or resent) and one copy is delayed past the clerk's next write.
        ExecutesLateCopies = "executes-late-copies",
            breaks "O1 executed_at_most_once", caught_by "kvonce/late_copies";

        /// Belief: the next write will overwrite the reply, so nothing needs freeing.
        /// But a clerk may only read from now on, and its last reply may be ten megabytes.
        /// Shows when a clerk reads after it wrote.
        KeepsAcknowledged = "keeps-acknowledged",
            breaks "O4 acknowledged_replies_are_freed", caught_by "kvonce/many_clerks";

        /// Belief: every clerk needs an entry in the table. One that only reads does not.
        /// Shows when a clerk reads that has never written.
        RemembersReaders = "remembers-readers",
            breaks "O5 gets_leave_no_state", caught_by "kvonce/many_clerks";
    }
}
