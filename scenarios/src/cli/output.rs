//! Results go to stdout, in colour only where that is a terminal; a closed stdout is an answer, not a panic.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

/// A line, or several, on stdout.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.trim_end_matches('\n').as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A line on stderr, which may be closed or full: what it says is no result.
pub(crate) fn note(text: impl Display) {
    _ = writeln!(anstream::stderr().lock(), "stormglass: {text}");
}

/// What stands in a file must not steer the terminal: what cannot be seen is escaped, but for ends of lines.
pub(crate) fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match steers(c) {
            true => shown.extend(c.escape_debug()),
            false => shown.push(c),
        }
    }
    shown
}

/// One JSON document on stdout.
pub(crate) fn say_json(value: &impl Serialize) -> io::Result<()> {
    say(&serde_json::to_string_pretty(value)?)
}
