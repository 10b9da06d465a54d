//! `stormglass list`.

use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;

use super::output::{say, say_json};
use super::{Answer, select};
use crate::story::Story;

#[derive(Args)]
pub(crate) struct List {
    /// Stories by name or prefix; all of them by default
    #[arg(value_name = "STORY")]
    stories: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    story: &'a str,
    system: &'a str,
    claim: &'a str,
    bugs: &'a [&'static str],
    harmless: &'a [&'static str],
    sometimes: &'a [&'static str],
}

impl List {
    pub(crate) fn answer(self, stories: &[Story]) -> Answer {
        let chosen = select::stories(stories, &self.stories)?;
        if self.json {
            let lines: Vec<Line<'_>> = chosen.iter().map(|story| line(story)).collect();
            say_json(&lines)?;
            return Ok(0);
        }
        let mut text = String::new();
        for story in chosen {
            text.push_str(&format!("{}\n  {}\n", story.name().bold(), story.claim()));
            if !story.bugs().is_empty() {
                text.push_str(&format!("  catches: {}\n", story.bugs().join(", ")));
            }
            if !story.harmless().is_empty() {
                text.push_str(&format!("  does not flag: {}\n", story.harmless().join(", ")));
            }
        }
        say(&text)?;
        Ok(0)
    }
}

fn line(story: &Story) -> Line<'_> {
    Line {
        story: story.name(),
        system: story.system(),
        claim: story.claim(),
        bugs: story.bugs(),
        harmless: story.harmless(),
        sometimes: story.expected(),
    }
}
