//! The storm itself: lets a forecast happen to a world, then calms it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, LocalBoxFuture, join_all, pending, select};
use stormglass_sim::chance::{Ratio, Stream};
use stormglass_sim::fs::{Disk, FaultRule};
use stormglass_sim::net::LinkConfig;
use stormglass_sim::time::ClockFault;
use stormglass_sim::time::sleep;
use stormglass_sim::{NodeId, World};

use super::Forecast;
use super::ambush::ambushes;
use super::forecast::{Clocks, Rhythm};
use super::partition::Shape;

/// The nodes of a storm and how many of its servers are out just now.
#[derive(Clone)]
pub(super) struct Cast {
    pub(super) world: World,
    pub(super) servers: Rc<[NodeId]>,
    everyone: Rc<[NodeId]>,
    pub(super) down: Rc<Cell<usize>>,
    pub(super) most_down: usize,
}

#[derive(Clone, Copy)]
enum Blow {
    Crash,
    PowerLoss,
    Pause,
}

impl Forecast {
    /// Rages for as long as the forecast says, then heals links and disks, restarts and resumes servers, and sets clocks right.
    pub(crate) async fn rage(&self, world: World, servers: &[NodeId], clients: &[NodeId]) {
        let everyone: Rc<[NodeId]> = servers.iter().chain(clients).copied().collect();
        let cast = Cast {
            world,
            servers: servers.into(),
            everyone,
            down: Rc::new(Cell::new(0)),
            most_down: self.most_down.min(servers.len()),
        };
        if let Some(link) = &self.link {
            world.links(link.clone());
        }
        for &server in servers {
            for &(fault, rate) in &self.disks {
                world.disk(server, |disk| disk.fault(FaultRule::new(fault).rate(rate)));
            }
        }
        let mut faults: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
        if let Some((rhythm, shapes)) = &self.partitions {
            faults.push(Box::pin(partitions(&cast, *rhythm, shapes)));
        }
        for (name, rhythm, blow) in [
            ("crashes", self.crashes, Blow::Crash),
            ("power", self.power_losses, Blow::PowerLoss),
            ("pauses", self.pauses, Blow::Pause),
        ] {
            if let Some(rhythm) = rhythm {
                faults.push(Box::pin(blows(&cast, name, rhythm, blow)));
            }
        }
        if let Some(clocks) = self.clocks {
            faults.push(Box::pin(strobe(&cast, clocks)));
        }
        if !self.ambushes.is_empty() {
            faults.push(Box::pin(ambushes(&cast, &self.ambushes)));
        }
        faults.push(Box::pin(pending()));
        let (over, raging) = (std::pin::pin!(sleep(self.lasts)), join_all(faults));
        match select(over, raging).await {
            Either::Left(_) | Either::Right(_) => calm(&cast),
        }
    }
}

/// Everything is healed at once; what it takes to converge from here is the protocol's affair.
fn calm(cast: &Cast) {
    let world = cast.world;
    world.lift_ambush();
    world.heal();
    world.links(LinkConfig::default());
    for &node in cast.everyone.iter() {
        world.skew(node, ClockFault::Thaw);
        world.skew(node, ClockFault::Drift(0));
        world.skew(node, ClockFault::Offset(0));
    }
    for &server in cast.servers.iter() {
        world.disk(server, Disk::clear_faults);
        world.resume(server);
        if !world.is_up(server) {
            world.restart(server);
        }
    }
}

/// Asks of one fault whether it happens. It does, unless somebody overrides it: that is how a failure is made small.
/// The answer has a stream of its own, so that the times of the other faults stay as they are.
pub(super) fn happens(world: World, fault: &str) -> bool {
    world.stream(&format!("weather/{fault}/happens")).happens()
}

/// Around a mean, but never regular: exact periods miss what lies between them.
pub(super) fn about(stream: Stream, mean: Duration) -> Duration {
    mean.mul_f64(0.1) + Duration::from_nanos(stream.below(2 * mean.as_nanos().clamp(1, 1 << 62) as u64))
}

async fn partitions(cast: &Cast, rhythm: Rhythm, shapes: &[Shape]) {
    let stream = cast.world.stream("weather/partitions/when");
    loop {
        sleep(about(stream, rhythm.every)).await;
        let shape = stream.pick(shapes).copied().unwrap_or(Shape::ONE);
        let cuts = shape.draw(&cast.everyone, stream);
        if happens(cast.world, "partitions") {
            cuts.iter().for_each(|cut| cut.make(cast.world));
        }
        sleep(about(stream, rhythm.lasts)).await;
        cast.world.heal();
    }
}

async fn blows(cast: &Cast, name: &str, rhythm: Rhythm, blow: Blow) {
    let world = cast.world;
    let stream = world.stream(&format!("weather/{name}/when"));
    loop {
        sleep(about(stream, rhythm.every)).await;
        let up: Vec<NodeId> = cast.servers.iter().copied().filter(|server| world.is_up(*server)).collect();
        let Some(&server) = stream.pick(&up) else { continue };
        if cast.down.get() >= cast.most_down {
            continue;
        }
        if !happens(world, name) {
            sleep(about(stream, rhythm.lasts)).await;
            continue;
        }
        cast.down.set(cast.down.get() + 1);
        match blow {
            Blow::Crash => world.crash(server),
            Blow::PowerLoss => world.power_off(server),
            Blow::Pause => world.pause(server),
        }
        sleep(about(stream, rhythm.lasts)).await;
        match blow {
            Blow::Crash | Blow::PowerLoss => world.restart(server),
            Blow::Pause => world.resume(server),
        }
        cast.down.set(cast.down.get() - 1);
    }
}

async fn strobe(cast: &Cast, clocks: Clocks) {
    let world = cast.world;
    let stream = world.stream("weather/clocks/when");
    let signed = |most: i64| {
        let size = stream.below(most.unsigned_abs().max(1)) as i64;
        if stream.below(2) == 0 { size } else { -size }
    };
    loop {
        sleep(about(stream, clocks.rhythm.every)).await;
        let Some(&node) = stream.pick(&cast.everyone) else { return };
        let fault = match stream.below(3) {
            0 => ClockFault::Step(signed(clocks.jump)),
            1 => ClockFault::Drift(signed(clocks.drift)),
            _ if clocks.freezes && stream.chance(Ratio::percent(50)) => ClockFault::Freeze,
            _ => ClockFault::Offset(signed(clocks.jump)),
        };
        let freezes = matches!(fault, ClockFault::Freeze);
        if happens(world, "clocks") {
            world.skew(node, fault);
        }
        if freezes {
            sleep(about(stream, clocks.rhythm.lasts)).await;
            world.skew(node, ClockFault::Thaw);
        }
    }
}
