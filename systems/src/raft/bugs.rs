//! Known wrong turns. Each is one `if` away.

use crate::bugs::known_bugs;

/// The bugs that a run of this system has switched on.
pub type Bugs = crate::bugs::Bugs<Bug>;

known_bugs! {
    /// A wrong belief that someone has held, planted.
    ///
    /// After the catalogue of the papers' corner cases and the change logs of other implementations.
    "raft" Bug {
        /// Belief: a vote will reach the disk soon enough.
        /// A voter that loses power before it did may vote again in the same term.
        /// Shows when: power fails between a vote and its fsync.
        VoteNotSynced = "vote-not-synced",
            breaks "I7 votes_survive_crashes", caught_by "raft/forgotten_vote";

        /// Belief: a term can be learnt again from others.
        /// A server that restarts in an old term votes in it a second time.
        /// Shows when: a crash after a term rose without a vote.
        TermNotPersisted = "term-not-persisted",
            breaks "I7 votes_survive_crashes", caught_by "raft/forgotten_vote";

        /// Belief: one granted reply is one vote.
        /// A reply that arrives twice is one voter.
        /// Shows when: a Vote is duplicated and the quorum was not there.
        VotesCounted = "votes-counted-not-named",
            breaks "I1 election_safety", caught_by "raft/duplicated_replies";

        /// Belief: a granted vote is for the election that is going on.
        /// It may be for an earlier one.
        /// Shows when: a Vote of an earlier term is late.
        StaleVoteCounted = "stale-vote-counted",
            breaks "I1 election_safety", caught_by "raft/swarm";

        /// Belief: a candidate's vote for itself needs no record.
        /// Then it grants the same term to the next who asks.
        /// Shows when: two candidates in one term.
        ForgetsOwnVote = "forgets-own-vote",
            breaks "I7 votes_survive_crashes", caught_by "raft/swarm";

        /// Belief: whoever asks first gets the vote.
        /// A candidate whose log lacks committed entries must not win (§5.4.1).
        /// Shows when: a server that was cut off campaigns.
        VotesWithoutLogCheck = "votes-without-log-check",
            breaks "I4 leader_completeness", caught_by "raft/stale_candidate";

        /// Belief: up to date means: term and index are both at least mine.
        /// It is lexicographic. Logs that are each ahead in one of the two then never elect anybody.
        /// Shows when: a longer log of an older term meets a shorter one of a newer.
        ComparesBothTermAndIndex = "compares-both-term-and-index",
            breaks "live", caught_by "raft/figure_7";

        /// Belief: the longer log is more up to date.
        /// A long log of an old term lacks what committed since.
        /// Shows when: a deposed leader with uncommitted entries campaigns.
        ComparesLengthOnly = "compares-length-only",
            breaks "I4 leader_completeness", caught_by "raft/stale_candidate";

        /// Belief: every RequestVote opens a new election, so the vote may be cleared.
        /// It is cleared when the term rises, and only then.
        /// Shows when: two candidates in one term.
        VotesTwiceInTerm = "votes-twice-in-term",
            breaks "I7 votes_survive_crashes", caught_by "raft/swarm";

        /// Belief: n/2 of n is a majority.
        /// With an even number of voters two halves decide each by itself.
        /// Shows when: a cluster of four is cut in halves.
        QuorumIsHalf = "quorum-is-half",
            breaks "I1 election_safety", caught_by "raft/halves";

        /// Belief: only requests carry news of a newer term.
        /// A leader whose requests are refused as stale must step down by the reply.
        /// Shows when: a leader comes back that nobody sends requests to.
        IgnoresTermInReplies = "ignores-term-in-replies",
            breaks "live", caught_by "raft/asymmetric_partition";

        /// Belief: any message from a peer shows that the cluster is alive.
        /// Only the current leader and a vote granted do; else a hopeless candidate keeps all others from campaigning.
        /// Shows when: a candidate that cannot win goes on asking.
        AnyRpcResetsTimer = "any-rpc-resets-timer",
            breaks "live", caught_by "raft/asymmetric_partition";

        /// Belief: timeouts need not differ.
        /// Servers that time out together split the vote for ever (§5.2).
        /// Shows when: the leader dies.
        FixedElectionTimeout = "fixed-election-timeout",
            breaks "live", caught_by "raft/lab_re_election";

        /// Belief: a pre-vote is a small election, in a new term.
        /// Then asking disturbs as much as campaigning.
        /// Shows when: a server that hears nobody keeps asking.
        PreVoteBumpsTerm = "pre-vote-bumps-term",
            breaks "live", caught_by "raft/asymmetric_partition";

        /// Belief: pre-vote is an optimisation.
        /// A server that hears nobody raises its term without end and deposes whoever hears it.
        /// Shows when: a one-way partition that lasts.
        NoPreVote = "no-pre-vote",
            breaks "live", caught_by "raft/asymmetric_partition";

        /// Belief: a vote depends on term and log only.
        /// A server that was removed and does not know it then disturbs the others for ever (thesis §4.2.3).
        /// Shows when: a removed server goes on.
        NoLeaderStickiness = "no-leader-stickiness",
            breaks "live", caught_by "raft/removed_server";

        /// Belief: a message of a lower term deserves no answer.
        /// Its sender then never learns the newer term, and the two never meet.
        /// Shows when: a server with a higher term comes back while pre-vote and check-quorum are on.
        CheckQuorumIgnoresLowerTerm = "ignores-lower-term",
            breaks "live", caught_by "raft/asymmetric_partition";

        /// Belief: a leader leads until it hears of another.
        /// One that can send and not hear keeps all others quiet and commits nothing.
        /// Shows when: everything towards the leader is lost, for ever.
        NoCheckQuorum = "no-check-quorum",
            breaks "live", caught_by "raft/asymmetric_partition";

        /// Belief: a candidate answers to higher terms only.
        /// The leader of its own term has won; whoever does not follow never accepts its entries.
        /// Shows when: a candidate loses an election.
        CandidateIgnoresLeader = "candidate-ignores-leader",
            breaks "live", caught_by "raft/lab_fail_agree";

        /// Belief: an entry on a majority is committed, whatever its term.
        /// One of an older term can still be overwritten (§5.4.2, Figure 8).
        /// Shows when: three changes of leader.
        CommitsOldTerms = "commits-old-terms",
            breaks "I8 commit_is_monotone", caught_by "raft/figure_8";

        /// Belief: what follows prev is replaced by the request's entries.
        /// A late, short request then takes back what was acknowledged.
        /// Shows when: an AppendEntries is late.
        TruncatesMatching = "truncates-matching",
            breaks "I6 commit_quorum", caught_by "raft/reordered_appends";

        /// Belief: a heartbeat has no entries, so there is nothing to check.
        /// Its commit index speaks of a log that the follower may not have.
        /// Shows when: a follower with a divergent log returns.
        HeartbeatSkipsCheck = "heartbeat-skips-check",
            breaks "I5 state_machine_safety", caught_by "raft/lab_rejoin";

        /// Belief: commit is min(leaderCommit, my last index).
        /// It is min with the last entry that this request verified; what follows may be divergent.
        /// Shows when: a short AppendEntries reaches a long divergent log.
        CommitBeyondVerified = "commit-beyond-verified",
            breaks "I5 state_machine_safety", caught_by "raft/reordered_appends";

        /// Belief: the leader's commit index is the latest.
        /// A late message carries an earlier one.
        /// Shows when: an AppendEntries is late.
        CommitGoesBack = "commit-goes-back",
            breaks "I8 commit_is_monotone", caught_by "raft/reordered_appends";

        /// Belief: the latest reply says how far a follower is.
        /// A late one says less.
        /// Shows when: replies are reordered.
        MatchGoesBack = "match-goes-back",
            breaks "live", caught_by "raft/reordered_appends";

        /// Belief: a follower that agrees has all that I have.
        /// It has what that request carried; more was appended since.
        /// Shows when: a proposal between request and reply.
        MatchIsLastIndex = "match-is-last-index",
            breaks "I6 commit_quorum", caught_by "raft/swarm";

        /// Belief: what was sent will arrive, so next stays where it is.
        /// After a loss every request is refused, unless next goes back.
        /// Shows when: an AppendEntries is lost.
        NextNotCorrected = "next-not-corrected",
            breaks "live", caught_by "raft/lost_appends";

        /// Belief: the scan for the commit index stops at an entry of an older term.
        /// Entries of the own term lie behind it.
        /// Shows when: a leader inherits uncommitted entries.
        CommitScanStops = "commit-scan-stops",
            breaks "live", caught_by "raft/figure_8";

        /// Belief: what is in the leader's log is done.
        /// It is done when it is committed.
        /// Shows when: the leader dies.
        AcksBeforeQuorum = "acks-before-quorum",
            breaks "I12 acknowledged_is_committed", caught_by "raft/lab_leader_failure";

        /// Belief: the leader has its own entries.
        /// Not on disk, until its own fsync returned.
        /// Shows when: power fails at the leader and one follower.
        CountsUnsyncedSelf = "counts-unsynced-self",
            breaks "I6 commit_quorum", caught_by "raft/power_loss";

        /// Belief: the entries will reach the disk soon enough.
        /// The leader counts the reply as a copy on disk.
        /// Shows when: power fails between reply and fsync.
        RepliesBeforeFsync = "replies-before-fsync",
            breaks "I6 commit_quorum", caught_by "raft/power_loss";

        /// Belief: an fsync that failed can be tried again.
        /// The dirty pages are gone, and the second one has nothing to write.
        /// Shows when: an fsync fails.
        IgnoresFsyncError = "ignores-fsync-error",
            breaks "D committed_survives", caught_by "raft/fsync_fails";

        /// Belief: a prev that I do not have is a conflict.
        /// It may lie in my snapshot: it is committed, and what follows must stay.
        /// Shows when: a late AppendEntries after a compaction.
        CompactedPrevIsConflict = "compacted-prev-is-conflict",
            breaks "I6 commit_quorum", caught_by "raft/snapshot_to_laggard";

        /// Belief: prev 0 always matches, so the entries go to the end.
        /// The log may begin later, or be longer.
        /// Shows when: a late first AppendEntries after a compaction.
        PrevZeroAppends = "prev-zero-appends",
            breaks "I3 log_matching", caught_by "raft/snapshot_to_laggard";

        /// Belief: what a leader knew of its followers stays true.
        /// While others led, it may have been overwritten; who leads again must ask again. (A single late reply is harmless:
        /// what a quorum confirmed in a term is committed, and the outcome tells a request that was refused.)
        /// Shows when: a deposed leader leads again and counts its old match indexes.
        DeposedLeaderCounts = "deposed-leader-counts",
            breaks "I6 commit_quorum", caught_by "raft/figure_7";

        /// Belief: the leader goes on at the index after the hint.
        /// Then it asks for ever for what the follower refused.
        /// Shows when: a divergent log.
        ConflictHintOffByOne = "conflict-hint-off-by-one",
            breaks "live", caught_by "raft/figure_7";

        /// Belief: whoever sends entries leads.
        /// A deposed leader sends them too.
        /// Shows when: a deposed leader comes back.
        AcceptsStaleTerm = "accepts-stale-term",
            breaks "I6 commit_quorum", caught_by "raft/old_leader_returns";

        /// Belief: a reply speaks of the log as it is.
        /// One of an earlier term speaks of another log.
        /// Shows when: a reply outlives its term.
        StaleReplyCounted = "stale-reply-counted",
            breaks "I6 commit_quorum", caught_by "raft/reordered_appends";

        /// Belief: a leader may answer from its own state.
        /// Another may have been elected and have committed since.
        /// Shows when: a leader is cut off and does not know.
        ReadsLocally = "reads-without-quorum",
            breaks "I11 reads_are_fresh", caught_by "raft/old_leader_returns";

        /// Belief: a new leader's commit index is the cluster's.
        /// It knows that only when an entry of its own term has committed.
        /// Shows when: a read reaches a leader just elected.
        ReadsBeforeNoop = "reads-before-noop",
            breaks "I11 reads_are_fresh", caught_by "raft/old_leader_returns";

        /// Belief: one answer shows that I lead.
        /// A quorum must.
        /// Shows when: a leader is cut off with one follower.
        ReadQuorumShort = "read-quorum-short",
            breaks "I11 reads_are_fresh", caught_by "raft/old_leader_returns";

        /// Belief: any heartbeat's answer confirms a read.
        /// It must answer a round that began after the read arrived.
        /// Shows when: an answer is late.
        ReadTrustsOldRound = "read-trusts-old-round",
            breaks "I11 reads_are_fresh", caught_by "raft/old_leader_returns";

        /// Belief: the lease begins when the answer arrives.
        /// It begins when the request left: followers count from its arrival.
        /// Shows when: answers are slow.
        LeaseFromReply = "lease-from-reply",
            breaks "I11 reads_are_fresh", caught_by "raft/lease";

        /// Belief: clocks run alike.
        /// They differ within the declared bound.
        /// Shows when: the leader's clock is slow, or a follower's fast.
        LeaseIgnoresDrift = "lease-ignores-drift",
            breaks "I11 reads_are_fresh", caught_by "raft/lease";

        /// Belief: a read may be executed once its index is confirmed.
        /// The state machine must have got there.
        /// Shows when: the state machine is behind.
        ReadsBeforeApplied = "reads-before-applied",
            breaks "I11 reads_are_fresh", caught_by "raft/swarm";

        /// Belief: what lies after a snapshot stays.
        /// Only if the log has the snapshot's last entry, with its term.
        /// Shows when: a divergent follower gets a snapshot.
        KeepsConflictingSuffix = "keeps-conflicting-suffix",
            breaks "I3 log_matching", caught_by "raft/snapshot_to_laggard";

        /// Belief: a snapshot from the leader is news.
        /// It may be older than what is applied.
        /// Shows when: an InstallSnapshot is late.
        StaleSnapshotAccepted = "stale-snapshot-accepted",
            breaks "I9 snapshots_are_the_log", caught_by "raft/snapshot_to_laggard";

        /// Belief: after a snapshot the server is as its last entry was.
        /// Its own term and vote stay what they are.
        /// Shows when: a snapshot of an older term.
        SnapshotLowersTerm = "snapshot-lowers-term",
            breaks "I7 votes_survive_crashes", caught_by "raft/snapshot_to_laggard";

        /// Belief: a snapshot is the service's data.
        /// And the table of sessions, without which a resend is executed again.
        /// Shows when: a resend reaches a server that was restored.
        SnapshotWithoutSessions = "snapshot-without-sessions",
            breaks "I9 snapshots_are_the_log", caught_by "raft/sessions_survive";

        /// Belief: the log may go once the snapshot is written.
        /// Once it is on disk, under its name.
        /// Shows when: power fails after a compaction.
        CompactsBeforeDurable = "compacts-before-durable",
            breaks "D committed_survives", caught_by "raft/power_loss";

        /// Belief: a snapshot made after an entry goes up to the one before it.
        /// Then that entry is applied to a state that holds it already.
        /// Shows when: a server starts from a snapshot.
        SnapshotOneShort = "snapshot-one-short",
            breaks "R1 replicas_agree", caught_by "kvraft/snapshots_carry_sessions";

        /// Belief: chunks of a snapshot are chunks.
        /// Those of another snapshot are not of this one.
        /// Shows when: the leader makes a new snapshot, or changes, in the middle.
        MixesChunks = "mixes-chunks",
            breaks "I9 snapshots_are_the_log", caught_by "raft/snapshot_to_laggard";

        /// Belief: the configuration is in the log.
        /// Not after a compaction; the snapshot must carry it.
        /// Shows when: a restart after a compaction and a change.
        SnapshotForgetsConfig = "snapshot-forgets-config",
            breaks "I10 configurations_overlap", caught_by "raft/membership";

        /// Belief: a new leader may change the membership at once.
        /// Not before an entry of its term has committed (Ongaro, raft-dev, 2015).
        /// Shows when: two leaders each begin a change.
        ChangesBeforeOwnTerm = "changes-before-own-term",
            breaks "I10 configurations_overlap", caught_by "raft/membership_races";

        /// Belief: changes queue in the log like anything else.
        /// Two single changes at once have disjoint majorities.
        /// Shows when: two changes, then a partition.
        TwoChangesInFlight = "two-changes-in-flight",
            breaks "I10 configurations_overlap", caught_by "raft/membership_races";

        /// Belief: the new configuration decides from the start.
        /// While joint, both majorities must agree (§6).
        /// Shows when: a partition in the middle of a change.
        JointNeedsOneMajority = "joint-needs-one-majority",
            breaks "I1 election_safety", caught_by "raft/membership";

        /// Belief: a configuration is in force once committed.
        /// It is in force once it is in the log (§6).
        /// Shows when: a change and a partition.
        ConfigAtCommit = "config-at-commit",
            breaks "I10 configurations_overlap", caught_by "raft/membership_races";

        /// Belief: a configuration that was in force stays.
        /// It goes with its entry, when that is overwritten.
        /// Shows when: a change that is overwritten.
        ConfigNotRolledBack = "config-not-rolled-back",
            breaks "I10 configurations_overlap", caught_by "raft/membership_races";

        /// Belief: whoever has the entry counts.
        /// Learners count for nothing.
        /// Shows when: a learner answers sooner than the voters.
        LearnersCount = "learners-count",
            breaks "I6 commit_quorum", caught_by "raft/membership";

        /// Belief: what is in the file was written.
        /// A torn tail is rubbish: only a checksum tells.
        /// Shows when: power fails in the middle of a write.
        TrustsTornTail = "trusts-torn-tail",
            breaks "D committed_survives", caught_by "raft/power_loss";

        /// Belief: what recovery could read is on the disk.
        /// It may be in the page cache only, left by the process before.
        /// Shows when: a crash before an fsync, then power fails.
        TrustsPageCache = "trusts-page-cache",
            breaks "D committed_survives", caught_by "raft/power_loss";

        /// Belief: fsync of a file makes its name stable.
        /// The name is in the directory.
        /// Shows when: power fails after a segment or snapshot was made.
        ForgetsDirectory = "forgets-directory",
            breaks "D committed_survives", caught_by "raft/power_loss";

        /// Belief: whatever is applied at the index of my command is my command.
        /// After a change of leader it may be another's, of another term.
        /// Shows when: a leader is deposed while callers wait.
        AnswersByIndex = "answers-by-index",
            breaks "linearizable", caught_by "kvraft/old_leader";

        /// Belief: whoever waits for an entry will see it, or another in its place.
        /// There may be nothing in its place for ever.
        /// Shows when: a leader is deposed while callers wait, and nobody else asks for anything.
        ForgetsWaiters = "forgets-waiters",
            breaks "live", caught_by "kvraft/lab_rsm_leader_partition";

        /// Belief: the next turn may begin when the state machine has finished with the last.
        /// But the machine waits for room in the queue that is emptied by the next turn.
        /// Shows when: the queue is full.
        WaitsForTheMachine = "waits-for-the-machine",
            breaks "live", caught_by "kvraft/crowded_servers";
    } harmless {
        /// Twice as many heartbeats.
        ExtraHeartbeats = "extra-heartbeats", survives "raft/swarm";

        /// One entry an AppendEntries, whatever the limits say.
        SmallBatches = "small-batches", survives "raft/swarm";

        /// Everything that the follower lacks in one AppendEntries, whatever the limits say.
        LargeBatches = "large-batches", survives "raft/swarm";

        /// Who has voted does not say so a second time to the same candidate. Its vote may be lost with the reply; then
        /// the next election decides.
        VotesOnce = "votes-once", survives "raft/swarm";

        /// A refused leader goes back by one entry, as in the paper's Figure 2, and ignores the hint.
        NoConflictHints = "no-conflict-hints", survives "raft/swarm";

        /// A leader writes to its own disk before it sends (thesis §10.2.1 has it the other way round).
        WritesBeforeSending = "writes-before-sending", survives "raft/swarm";

        /// Every read asks a quorum, lease or not.
        NeverLeases = "never-leases", survives "raft/swarm";

        /// Every fsync is done twice.
        SyncsTwice = "syncs-twice", survives "raft/swarm";
    }
}
