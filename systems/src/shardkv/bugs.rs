//! Known wrong turns of groups, controllers and clerks. Each is one `if` away.

use crate::bugs::known_bugs;

/// The bugs that a run of this system has switched on.
pub type Bugs = crate::bugs::Bugs<Bug>;

known_bugs! {
    /// A wrong belief that someone has held, planted.
    "shardkv" Bug {
        /// Belief: until the shard is handed over, somebody must serve it.
        /// Then writes are taken that do not move with it.
        /// Shows when a write meets a shard between freeze and delete.
        FrozenTakesWrites = "frozen-takes-writes",
            breaks "K1 one_group_serves", caught_by "shardkv/moves_under_load";

        /// Belief: a frozen shard does not change, so its old owner may go on answering reads.
        /// But the new owner takes writes already.
        /// Shows when a read by an old configuration follows a write by the new one.
        FrozenAnswersGets = "frozen-answers-gets",
            breaks "linearizable", caught_by "shardkv/late_delete";

        /// Belief: whether the group serves a key is decided when the request arrives.
        /// But the log may say otherwise when the write's turn comes.
        /// Shows when a freeze overtakes a write on its way into the log.
        ChecksBeforeTheLog = "checks-before-the-log",
            breaks "K1 one_group_serves", caught_by "shardkv/freeze_among_writes";

        /// Belief: only data moves; who asked for what before is the old owner's affair.
        /// Shows when the answer to an append is lost and the shard moves before the resend.
        RequestsStayBehind = "requests-stay-behind",
            breaks "K3 installed_is_what_was_frozen", caught_by "shardkv/resend_across_a_move";

        /// Belief: whoever is not in the table of clerks has not asked for anything yet.
        /// But the table is bounded.
        /// Shows when the answer to an append is lost and others write before the resend.
        ForgottenIsNew = "forgotten-is-new",
            breaks "K9 executed_once", caught_by "shardkv/forgotten_clerks";

        /// Belief: a shard that has forgotten me has not executed what I sent once, for nobody else has sent it.
        /// But the network copies.
        /// Shows when a copy is executed, others write, and then the write itself arrives.
        ForgottenIsNotDone = "forgotten-is-not-done",
            breaks "K9 executed_once", caught_by "shardkv/forgotten_clerks";

        /// Belief: a put that the shard knows nothing of was not installed, so a refusal after that is definite.
        /// But a copy of it may have been, and been forgotten.
        /// Shows when a copy is executed, others write, and then the put itself arrives.
        ForgottenPutIsCertain = "forgotten-put-is-certain",
            breaks "K11 refusals_are_certain", caught_by "shardkv/forgotten_clerks";

        /// Belief: once the content has been sent, the old owner can let go of it.
        /// Shows when it is lost on the way, or the mover dies.
        DeletesFirst = "deletes-first",
            breaks "K4 deleted_after_install", caught_by "shardkv/moves_under_load";

        /// Belief: shards that have not come yet will come, the next configuration need not wait for them.
        /// But what comes late may belong to somebody else by then.
        /// Shows when configurations follow one another faster than shards move.
        AdoptsBeforeSettled = "adopts-before-settled",
            breaks "K5 configurations_are_followed", caught_by "shardkv/fast_configurations";

        /// Belief: what is sent to me to install, I am to install.
        /// Shows when a copy of an install arrives long after.
        InstallsForOldNumbers = "installs-for-old-numbers",
            breaks "K2 old_numbers_change_nothing", caught_by "shardkv/late_copies";

        /// Belief: installing the same shard for the same configuration again does no harm.
        /// But it has been written to meanwhile.
        /// Shows when a copy of an install arrives after a write.
        InstallsTwice = "installs-twice",
            breaks "K2 old_numbers_change_nothing", caught_by "shardkv/late_copies";

        /// Belief: whoever asks again for what was done may have any answer, and whoever installs again means the same.
        /// Each does no harm alone, where the other is right. But the answer was nothing, and it is installed.
        /// Shows when a second controller carries out what the first has done.
        AnswersAgainWithNothing = "answers-again-with-nothing",
            breaks "K2 old_numbers_change_nothing", caught_by "shardkv/controllers_compete";

        /// Belief: whoever asks for a freeze is the controller.
        /// Shows when a controller that has been replaced, or a copy, asks for one of long ago.
        FreezesForOldNumbers = "freezes-for-old-numbers",
            breaks "K2 old_numbers_change_nothing", caught_by "shardkv/late_copies";

        /// Belief: whoever asks for a delete knows that the shard is elsewhere.
        /// It was, and came back.
        /// Shows when a copy of a delete arrives after that.
        DeletesForOldNumbers = "deletes-for-old-numbers",
            breaks "K2 old_numbers_change_nothing", caught_by "shardkv/late_copies";

        /// Belief: the leader has the shard, so it can send what it has and note the freeze afterwards.
        /// But a write may lie in the log between.
        /// Shows when a write is taken between the look and the freeze.
        SendsWithoutTheLog = "sends-without-the-log",
            breaks "K3 installed_is_what_was_frozen", caught_by "shardkv/freeze_among_writes";

        /// Belief: a snapshot is the keys and values.
        /// Shows when a server restarts from one while it has a frozen shard.
        SnapshotForgetsPhase = "snapshot-forgets-phase",
            breaks "K10 snapshots_are_whole", caught_by "shardkv/snapshots_during_moves";

        /// Belief: the clerks should know as early as possible where the shards will be.
        /// Shows when the controller is slow after publishing.
        PublishesFirst = "publishes-first",
            breaks "K5 configurations_are_followed", caught_by "shardkv/controllers_compete";

        /// Belief: the controller is the only one, so whatever is posted as next may be replaced.
        /// Shows when two controllers begin a change at once.
        PostsOverAnother = "posts-over-another",
            breaks "K5 configurations_are_followed", caught_by "shardkv/controllers_compete";

        /// Belief: whoever has posted a configuration carries it out.
        /// Shows when a controller dies half-way.
        LeavesItToOthers = "leaves-it-to-others",
            breaks "what was posted is carried out", caught_by "shardkv/controllers_die";

        /// Belief: what lies between the current configuration and the next one is one change.
        /// But between the two looks others may have carried out one and posted another.
        /// Shows when a controller recovers while others get on.
        RecoversAcrossAGap = "recovers-across-a-gap",
            breaks "K4 deleted_after_install", caught_by "shardkv/controllers_compete";

        /// Belief: a group that does not answer will.
        /// But it may have left since, and be gone: others carried out what I am still at.
        /// Shows when controllers compete and groups that have left are stopped.
        WaitsForTheGone = "waits-for-the-gone",
            breaks "live", caught_by "shardkv/lab_concurrent_reliable";

        /// Belief: what I have carried out is the current configuration.
        /// But others may have carried it out, too, and the one after it.
        /// Shows when a controller is held up before it publishes.
        PublishesThePast = "publishes-the-past",
            breaks "K5 configurations_are_followed", caught_by "shardkv/controllers_compete";

        /// Belief: who has taken the lease is alone until it gives it back: it need not be renewed, and neither the clock nor
        /// what others have stored need be looked at.
        /// Shows when a change takes longer than the lease.
        TrustsItsLease = "trusts-its-lease",
            breaks "K5 configurations_are_followed", caught_by "shardkv/leases";

        /// Belief: a second is a second, so the holder may count on its lease for as long as a rival waits.
        /// Shows when the holder's clock is slow, or the rival's fast, and a renewal does not come through.
        LeaseWithoutDrift = "lease-without-drift",
            breaks "K13 one_controller_works", caught_by "shardkv/leases";

        /// Belief: the lease begins when the store has answered.
        /// A rival may have seen it long before.
        /// Shows when the answer is slow.
        LeaseFromReply = "lease-from-reply",
            breaks "K13 one_controller_works", caught_by "shardkv/leases";

        /// Belief: the lease is mine until I give it back, so I may put it again over whatever is there.
        /// Shows when a controller is held up for longer than its lease, and another works by then.
        TakesTheLeaseBack = "takes-the-lease-back",
            breaks "K13 one_controller_works", caught_by "shardkv/leases";

        /// Belief: whoever finds a lease waits for it from then on.
        /// But it looks again and again, and only a renewal begins anew.
        /// Shows when a controller dies with the lease.
        CountsAnew = "counts-anew",
            breaks "live", caught_by "shardkv/leases_of_the_dead";

        /// Belief: another group has not heard of the put, so its refusal is definite.
        /// But the group before it may have executed the put before the shard moved.
        /// Shows when the answer to a put is lost and the shard moves before the resend.
        CertainAfterSwitch = "certain-after-switch",
            breaks "K11 refusals_are_certain", caught_by "shardkv/resend_across_a_move";

        /// Belief: what was not answered in time has failed.
        /// It may have been done, or may be yet.
        /// Shows when a clerk gives up.
        TimeoutMeansFailed = "timeout-means-failed",
            breaks "K11 refusals_are_certain", caught_by "shardkv/clients_give_up";

        /// Belief: whoever joins again is refused, and a move made twice is made; the controller need not know who asked.
        /// But between the two another may have decreed the opposite, and who is refused believes that it was not done.
        /// Shows when a decree is copied, or sent again.
        ForgetsDecrees = "forgets-decrees",
            breaks "K12 decrees_are_carried_out_once", caught_by "shardkv/copies_of_decrees";

        /// Belief: a shard that nobody serves is empty.
        /// But whoever served it last has its content.
        /// Shows when the last group leaves and another joins.
        BeginsAnew = "begins-anew",
            breaks "K7 no_shard_is_lost", caught_by "shardkv/everybody_leaves";

        /// Belief: versions are for those who put with a condition, a set need not count.
        /// Shows when a key is set twice.
        SetsKeepTheVersion = "sets-keep-the-version",
            breaks "K6 versions_are_a_chain", caught_by "shardkv/moves_under_load";

        /// Belief: who has room for a shard has room for whatever is written to it.
        /// But it moves, and is away for as long as that takes.
        /// Shows when a shard grows.
        GrowsWithoutBounds = "grows-without-bounds",
            breaks "a shard holds no more than it may", caught_by "shardkv/full_shards";

        /// Belief: who has not answered by now has not heard.
        /// But what was sent is large, and still on its way.
        /// Shows when a large shard moves over a slow line.
        WaitsAlike = "waits-alike",
            breaks "live", caught_by "shardkv/heavy_shards";

        /// Belief: any balanced assignment will do, whatever order the map has.
        /// Shows when the servers of the controller compare notes.
        BalanceByMapOrder = "balance-by-map-order",
            breaks "K0 replicas_agree", caught_by "shardkv/lab_controller_agrees";

        /// Belief: shards are dealt out anew whenever groups come and go.
        /// Balanced, and nearly everything moves.
        BalanceAnew = "balance-anew",
            breaks "K8 balanced_with_fewest_moves", caught_by "shardkv/lab_controller_minimal";

        /// Belief: disks are large.
        /// A shard that has moved stays at every group that ever had it.
        NeverDeletes = "never-deletes",
            breaks "K5 configurations_are_followed", caught_by "shardkv/lab_challenge1_delete";

        /// Belief: what nobody can reach is gone.
        /// But a snapshot is written from memory as it lies there, with the holes.
        /// Shows when snapshots are weighed.
        KeepsTheBytes = "keeps-the-bytes",
            breaks "garbage", caught_by "shardkv/lab_delete_basic";

        /// Belief: while shards move, a group serves nothing: simple and safe.
        /// Shows when a shard never arrives, because its group is dead.
        StopsDuringMoves = "stops-during-moves",
            breaks "live", caught_by "shardkv/lab_challenge2_unaffected";

        /// Belief: a group takes up service when it has all that the configuration gives it.
        /// Shows when one of the shards never arrives.
        WaitsForAllShards = "waits-for-all-shards",
            breaks "live", caught_by "shardkv/lab_challenge2_partial";

        /// Belief: an install is a command like any other.
        /// But it is as large as a shard, and the heartbeats wait behind it for longer than an election takes.
        /// Shows when a large shard moves to a group of three.
        MovesInOnePiece = "moves-in-one-piece",
            breaks "live", caught_by "shardkv/heavy_shards";

        /// Belief: parts come in the order in which they were sent.
        /// But the network makes copies, and whoever does not hear sends again.
        /// Shows when a shard moves in parts and one of them comes twice.
        TakesPartsAsTheyCome = "takes-parts-as-they-come",
            breaks "K2 old_numbers_change_nothing", caught_by "shardkv/shards_in_parts";

        /// Belief: what has not come whole is not state yet, and is sent again in any case.
        /// But nobody sends again what was taken.
        /// Shows when a server restarts from a snapshot between two parts.
        SnapshotForgetsParts = "snapshot-forgets-parts",
            breaks "K10 snapshots_are_whole", caught_by "shardkv/shards_in_parts";

        /// Belief: what did not go through now goes with the next round.
        /// But a round ends when the last of its groups has been given up, and one of them is dead.
        /// Shows when a group elects while another is down, and both are to be given shards.
        HandsOverInRounds = "hands-over-in-rounds",
            breaks "live", caught_by "shardkv/silent_group";
    } harmless {
        /// A freeze of a shard that has been deleted is answered with an empty content: whoever installs that finds the
        /// shard installed already.
        FreezesNothing = "freezes-nothing", survives "shardkv/swarm_controllers";

        /// Every install is sent once more after the delete.
        InstallsAgain = "installs-again", survives "shardkv/swarm";

        /// A controller moves the last shard first.
        MovesBackwards = "moves-backwards", survives "shardkv/swarm_controllers";

        /// A controller that has taken the lease neither renews it nor looks at the clock. Others may work at the same time
        /// then; the numbers of the configurations keep that from doing harm.
        LooksAtItsLeaseOnce = "looks-at-its-lease-once", survives "shardkv/leases";

        /// Every freeze is asked for twice.
        FreezesAgain = "freezes-again", survives "shardkv/swarm_controllers";
    }
}
