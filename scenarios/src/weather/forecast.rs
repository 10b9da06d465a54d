//! What one seed makes of a story's weather.

use std::fmt;
use std::time::Duration;

use stormglass_sim::chance::{Ratio, Stream};
use stormglass_sim::fs::Fault;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::{Juncture, World};

use super::Weather;
use super::ambush::Ambush;
use super::partition::Shape;
use crate::report::span;

/// A fault that comes and goes: on average every `every`, for about `lasts`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rhythm {
    pub(crate) every: Duration,
    pub(crate) lasts: Duration,
}

/// Drawn once a run; printed with its failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    pub(crate) lasts: Duration,
    pub(crate) link: Option<LinkConfig>,
    pub(crate) partitions: Option<(Rhythm, Vec<Shape>)>,
    pub(crate) crashes: Option<Rhythm>,
    pub(crate) power_losses: Option<Rhythm>,
    pub(crate) pauses: Option<Rhythm>,
    pub(crate) clocks: Option<Clocks>,
    pub(crate) disks: Vec<(Fault, Ratio)>,
    pub(crate) ambushes: Vec<Ambush>,
    pub(crate) most_down: usize,
}

/// How clocks go wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clocks {
    pub(crate) rhythm: Rhythm,
    /// The furthest a clock jumps, in nanoseconds.
    pub(crate) jump: i64,
    /// The fastest it drifts, in parts per million.
    pub(crate) drift: i64,
    pub(crate) freezes: bool,
}

impl Forecast {
    /// Draws from the streams `weather/…` of the world.
    pub fn draw(weather: &Weather, world: World) -> Forecast {
        let lasts = spread(world.stream("weather/length"), weather.lasts.0, weather.lasts.1);
        let kinds = Kinds::draw(weather, world);
        let rhythm = |name: &str, allowed: bool, longest: Duration| {
            let stream = if weather.certain && allowed {
                world.stream(&format!("weather/{name}"))
            } else {
                kinds.exists(name, allowed)?
            };
            let every = spread(stream, Duration::from_millis(50), lasts.max(Duration::from_millis(51)));
            Some((Rhythm { every, lasts: spread(stream, Duration::from_millis(10), longest) }, stream))
        };
        let partitions =
            rhythm("partitions", weather.partitions, Duration::from_secs(5)).map(|(rhythm, stream)| {
                (rhythm, Shape::ALL.into_iter().filter(|_| stream.below(2) == 0).collect())
            });
        let clocks =
            rhythm("clocks", weather.clocks, Duration::from_secs(5)).map(|(rhythm, stream)| Clocks {
                rhythm,
                jump: stream.log_uniform(1e6, 6e10) as i64,
                drift: stream.log_uniform(1.0, 1e5) as i64,
                freezes: stream.chance(Ratio::percent(25)) && weather.freezes,
            });
        Forecast {
            lasts,
            link: weather.links.then(|| draw_link(&kinds)),
            partitions,
            crashes: rhythm("crashes", weather.crashes, Duration::from_secs(3)).map(|drawn| drawn.0),
            power_losses: rhythm("power", weather.power_losses, Duration::from_secs(3)).map(|drawn| drawn.0),
            pauses: rhythm("pauses", weather.pauses, Duration::from_secs(20)).map(|drawn| drawn.0),
            clocks,
            disks: if weather.disks { draw_disks(&kinds) } else { Vec::new() },
            ambushes: if weather.ambushes { draw_ambushes(&kinds, weather.power_losses) } else { Vec::new() },
            most_down: weather.most_down,
        }
    }

    /// One line for each fault that exists.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("storm of {}", span(self.lasts))];
        if let Some(link) = &self.link {
            lines.push(format!("links: {}", Link(link)));
        }
        if let Some((rhythm, shapes)) = &self.partitions {
            let shapes: Vec<String> = shapes.iter().map(Shape::to_string).collect();
            let shapes = if shapes.is_empty() { Shape::ONE.to_string() } else { shapes.join(", ") };
            lines.push(format!("partitions: {rhythm}: {shapes}"));
        }
        let named = [("crashes", self.crashes), ("power losses", self.power_losses), ("pauses", self.pauses)];
        lines.extend(
            named.iter().filter_map(|(name, rhythm)| rhythm.map(|rhythm| format!("{name}: {rhythm}"))),
        );
        if let Some(Clocks { rhythm, jump, drift, freezes }) = &self.clocks {
            let jump = span(Duration::from_nanos(jump.unsigned_abs()));
            let freezes = if *freezes { ", freezes" } else { "" };
            lines.push(format!("clocks: {rhythm}: jumps up to {jump}, drift up to {drift} ppm{freezes}"));
        }
        for Ambush { juncture, odds, lasts, power } in &self.ambushes {
            let death = if *power { "power losses" } else { "crashes" };
            let place = match juncture {
                Juncture::Synced => "right after an fsync",
                Juncture::Replying => "right before a reply",
            };
            let odds = Ratio::from_f64(*odds);
            lines.push(format!("{death} {place}: {odds} at first, for {}", span(*lasts)));
        }
        lines.extend(self.disks.iter().map(|(fault, rate)| format!("disks: {rate} {}", fault.name())));
        lines
    }
}

/// Faults that break no promise of an fsync: operations that fail or are slow.
fn draw_disks(kinds: &Kinds) -> Vec<(Fault, Ratio)> {
    let stall = Fault::Stall(Duration::from_millis(300));
    let faults = [
        ("sync", Fault::SyncError),
        ("read", Fault::ReadError),
        ("write", Fault::WriteError),
        ("stall", stall),
    ];
    let drawn = faults.map(|(name, fault)| {
        let stream = kinds.exists(&format!("disks/{name}"), true)?;
        Some((fault, Ratio::from_f64(stream.log_uniform(0.002, 0.2))))
    });
    drawn.into_iter().flatten().collect()
}

fn draw_ambushes(kinds: &Kinds, power: bool) -> Vec<Ambush> {
    let drawn = [Juncture::Synced, Juncture::Replying].map(|juncture| {
        let stream = kinds.exists(Ambush::name(juncture), true)?;
        Some(Ambush {
            juncture,
            odds: stream.log_uniform(0.005, 0.5),
            lasts: spread(stream, Duration::from_millis(10), Duration::from_secs(3)),
            power: power && stream.chance(Ratio::percent(50)),
        })
    });
    drawn.into_iter().flatten().collect()
}

/// Which kinds of faults a run knows (Groce et al., "Swarm Testing", ISSTA 2012).
struct Kinds {
    world: World,
    odds: Ratio,
}

impl Kinds {
    /// In one half of the seeds each kind is there with a half. With a dozen kinds next to none of those has one alone, or
    /// two; so in the other half of the seeds about two are there, whatever the number of kinds.
    fn draw(weather: &Weather, world: World) -> Kinds {
        let few = world.stream("weather/few").chance(Ratio::percent(50));
        let odds = if few { Ratio::new(2, weather.kinds().max(4)) } else { Ratio::percent(50) };
        Kinds { world, odds }
    }

    /// The fault's stream if it exists in this run. Calm is that it does not.
    fn exists(&self, name: &str, allowed: bool) -> Option<Stream> {
        let stream = self.world.stream(&format!("weather/{name}"));
        (allowed && stream.chance(self.odds)).then_some(stream)
    }
}

fn spread(stream: Stream, least: Duration, most: Duration) -> Duration {
    if least >= most {
        return least;
    }
    Duration::from_nanos(stream.log_uniform(least.as_nanos() as f64, most.as_nanos() as f64) as u64)
}

fn draw_link(kinds: &Kinds) -> LinkConfig {
    let rate = |name: &str, most: f64| {
        kinds
            .exists(name, true)
            .map_or(Ratio::ZERO, |stream| Ratio::from_f64(stream.log_uniform(0.001, most)))
    };
    let stream = kinds.world.stream("weather/latency");
    let base = spread(stream, Duration::from_micros(50), Duration::from_millis(50));
    let latency = match stream.below(5) {
        0 => Latency::Constant(base),
        1 => Latency::Uniform(base, base * 10),
        2 => Latency::Exponential { min: base, mean: base * 2 },
        3 => Latency::LogNormal { min: base, median: base, sigma_milli: 1200 },
        _ => Latency::TwoHumped {
            fast: (base, base * 2),
            slow: (base * 20, base * 60),
            slow_share: Ratio::from_f64(stream.log_uniform(0.01, 0.5)),
        },
    };
    LinkConfig {
        latency,
        loss: rate("loss", 0.4),
        duplicate: rate("duplicate", 0.4),
        reorder: rate("reorder", 0.5),
        ..LinkConfig::default()
    }
}

impl fmt::Display for Rhythm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "every {} for {}", span(self.every), span(self.lasts))
    }
}

struct Link<'a>(&'a LinkConfig);

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.latency {
            Latency::Constant(delay) => write!(f, "{} each", span(delay))?,
            Latency::Uniform(low, high) => write!(f, "{} to {}", span(low), span(high))?,
            Latency::Exponential { min, mean } => {
                write!(f, "{} and exponentially {} more", span(min), span(mean))?
            }
            Latency::LogNormal { min, median, .. } => {
                write!(f, "{} and log-normally {} more", span(min), span(median))?;
            }
            Latency::TwoHumped { fast, slow, slow_share } => {
                write!(
                    f,
                    "{} to {}, but {slow_share} take {} to {}",
                    span(fast.0),
                    span(fast.1),
                    span(slow.0),
                    span(slow.1)
                )?;
            }
        }
        for (name, ratio) in
            [("lost", self.0.loss), ("duplicated", self.0.duplicate), ("reordered", self.0.reorder)]
        {
            if ratio != Ratio::ZERO {
                write!(f, ", {ratio} {name}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stormglass_sim::{Seed, Sim};

    /// The kinds of faults that a seed knows, of a dozen.
    fn kinds(seed: u64) -> usize {
        let weather = Weather::lasting(Duration::from_secs(1), Duration::from_secs(9)).links().partitions();
        let weather = weather.crashes().power_losses().pauses().clocks().disks();
        let drawn = std::rc::Rc::new(std::cell::Cell::new(0));
        let tells = drawn.clone();
        Sim::new(Seed(seed)).run(move |world| async move {
            let forecast = Forecast::draw(&weather, world);
            let link = forecast.link.expect("there are links");
            let links =
                [link.loss, link.duplicate, link.reorder].iter().filter(|rate| **rate != Ratio::ZERO).count();
            let comes_and_goes = [forecast.crashes, forecast.power_losses, forecast.pauses];
            let others = comes_and_goes.iter().flatten().count() + forecast.disks.len();
            let more = usize::from(forecast.partitions.is_some()) + usize::from(forecast.clocks.is_some());
            tells.set(links + others + more);
        });
        drawn.get()
    }

    #[test]
    fn seeds_know_one_kind_of_fault_and_most_of_them() {
        let seeds = 1000;
        let known: Vec<usize> = (0..seeds).map(kinds).collect();
        let share =
            |of: fn(usize) -> bool| known.iter().filter(|kinds| of(**kinds)).count() * 100 / known.len();
        assert!(share(|kinds| kinds == 1) >= 10, "{} %", share(|kinds| kinds == 1));
        assert!(share(|kinds| kinds >= 6) >= 20, "{} %", share(|kinds| kinds >= 6));
        assert!(share(|kinds| kinds == 0) <= 10, "{} %", share(|kinds| kinds == 0));
    }
}
