//! Reading Rust code without its comments and strings.

/// The text with comments and the contents of strings and character literals turned into blanks. Lines stay lines.
pub(super) fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => block_end(bytes, at),
            b'"' => string_end(bytes, at),
            b'r' if !follows_word(bytes, at) => raw_string_end(bytes, at).unwrap_or(at),
            b'\'' => character_end(bytes, at),
            _ => at,
        };
        if end > at {
            out.extend(bytes[at..end].iter().map(|&byte| if byte == b'\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            // A byte of a longer character counts as one blank: no rule looks for one.
            out.push(if bytes[at].is_ascii() { char::from(bytes[at]) } else { ' ' });
            at += 1;
        }
    }
    out
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| at + length)
}

/// Blocks nest.
fn block_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0, start);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `None` if the `r` opens no raw string.
fn raw_string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let hashes = bytes[start + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let open = start + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let length = bytes[open + 1..].windows(close.len()).position(|window| window == close);
    Some(length.map_or(bytes.len(), |length| open + 1 + length + close.len()))
}

/// The start itself for a lifetime, which has no closing quote.
fn character_end(bytes: &[u8], start: usize) -> usize {
    let rest = &bytes[start + 1..];
    let length = match rest {
        [b'\\', _, ..] => rest[2..].iter().position(|&byte| byte == b'\'').map(|more| more + 3),
        [first, b'\'', ..] if first.is_ascii() => Some(2),
        [first, ..] if !first.is_ascii() => {
            rest.iter().take(5).position(|&byte| byte == b'\'').map(|more| more + 1)
        }
        _ => None,
    };
    length.map_or(start, |length| start + 1 + length)
}

/// Whether the byte before belongs to a word; the `b` of `br"…"` does not.
fn follows_word(bytes: &[u8], at: usize) -> bool {
    match at.checked_sub(1).map(|before| bytes[before]) {
        Some(b'b' | b'c') => follows_word(bytes, at - 1),
        Some(byte) => is_word(byte),
        None => false,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the word stands as a whole word.
pub(super) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = at.checked_sub(1).is_some_and(|before| is_word(bytes[before]));
        let after = bytes.get(at + word.len()).copied().is_some_and(is_word);
        !before && !after
    })
}

/// The line of a place in the text, counted from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count() + 1
}

/// What a path that ends in `::` just before `at` goes on to: the names of its next part, also those in braces.
pub(super) fn heads(text: &str, at: usize) -> Vec<&str> {
    let rest = text[at..].trim_start();
    let Some(group) = rest.strip_prefix('{') else { return vec![first_word(rest)] };
    let (mut depth, mut start, mut names) = (0_u32, 0, Vec::new());
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => {
                names.push(first_word(&group[start..at]));
                break;
            }
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                names.push(first_word(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    &text[..text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blank() {
        for (text, rest) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x \" y", z)"#, "f(        , z)"),
            ("r#\"a \" b\"# c", "           c"),
            ("br\"a\\\" c", "b      c"),
            ("('\"', '\\'', 'é', x)", "(   ,     ,     , x)"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("for r in radii", "for r in radii"),
            ("\"open", "     "),
        ] {
            assert_eq!(code(text), rest, "{text}");
        }
    }

    #[test]
    fn a_word_is_whole() {
        assert_eq!(words("FxHashMap HashMap HashMaps", "HashMap").collect::<Vec<_>>(), [10]);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }

    #[test]
    fn the_heads_of_a_path_are_its_next_names() {
        assert_eq!(heads("sim::time::Instant", 5), ["time"]);
        assert_eq!(heads("sim::{ rand, net::{fs, Udp}, task }; time", 5), ["rand", "net", "task"]);
    }
}
