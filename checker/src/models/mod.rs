//! Sequential objects to judge against. Inputs and outputs are plain values, so that a test can record a history
//! without writing JSON; texts are [`Text`], so that states share them.

pub mod append_list;
pub mod bank;
pub mod cas_register;
pub mod counter;
mod fifo;
pub mod kv;
pub mod lock;
pub mod priority_queue;
pub mod queue;
pub mod register;
mod rope;
pub mod set;
pub mod stack;
pub mod versioned_kv;

pub use fifo::Fifo;
pub use rope::{Chain, Rope};
/// A key or a value: cloning it copies a few words, and never a long text.
pub type Text = smol_str::SmolStr;

/// A value in words: bare if it can be mistaken for nothing else, quoted if not, its middle left out if long.
fn shown(value: Option<&Text>) -> String {
    const LONGEST: usize = 32;
    const END: usize = 12;
    let Some(value) = value else { return "null".to_owned() };
    let count = value.chars().count();
    if count > LONGEST {
        let head: String = value.chars().take(END).collect();
        let tail: String = value.chars().skip(count - END).collect();
        return format!("{head:?}…{tail:?} ({count} characters)");
    }
    let plain =
        !value.is_empty() && &**value != "null" && value.chars().all(|c| c.is_ascii_graphic() && c != '"');
    if plain { value.to_string() } else { format!("{:?}", &**value) }
}

/// Elements in words, the middle ones left out if there are many.
fn shown_list<'a>(elements: impl IntoIterator<Item = &'a Text, IntoIter: ExactSizeIterator>) -> String {
    const MOST: usize = 8;
    const END: usize = 3;
    let elements = elements.into_iter();
    let count = elements.len();
    let mut words: Vec<String> = Vec::new();
    for (at, element) in elements.enumerate() {
        match at {
            _ if count <= MOST || at < END || at >= count - END => words.push(shown(Some(element))),
            END => words.push("…".to_owned()),
            _ => {}
        }
    }
    let count = if count > MOST { format!(" ({count} elements)") } else { String::new() };
    format!("[{}]{count}", words.join(", "))
}
