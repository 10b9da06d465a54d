//! Sequential objects to judge against. Inputs and outputs are plain values, so that a test can record a history
//! without writing JSON; texts are [`Text`], so that states share them.

pub mod cas_register;
pub mod kv;
pub mod register;
pub mod versioned_kv;

use std::sync::Arc;

/// A key or a value: cloning it copies a pointer.
pub type Text = Arc<str>;

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
