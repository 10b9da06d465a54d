//! Bare words: numbers, keywords, symbols, characters; and the escapes of strings.

use super::Value;

/// What a bare word is; an error is what was expected instead.
pub(super) fn word(text: &str) -> Result<Value, String> {
    Ok(match text {
        "nil" | "null" => Value::Nil,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if text.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit()) => number(text)?,
        _ => Value::Symbol(text.to_owned()),
    })
}

fn number(text: &str) -> Result<Value, String> {
    let whole = text.strip_suffix('N').unwrap_or(text);
    if let Ok(value) = whole.parse() {
        return Ok(Value::Int(value));
    }
    // However a whole number is written, it is the same one.
    let digits = whole.trim_start_matches(['+', '-']);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) && whole.len() <= digits.len() + 1 {
        let sign = if whole.starts_with('-') { "-" } else { "" };
        return Ok(Value::Number(format!("{sign}{}", digits.trim_start_matches('0'))));
    }
    let decimal = text.strip_suffix(['M', 'N']).unwrap_or(text);
    let fraction =
        |(over, under): (&str, &str)| over.parse::<i128>().is_ok() && under.parse::<u128>().is_ok();
    if decimal.parse::<f64>().is_ok() || text.split_once('/').is_some_and(fraction) {
        return Ok(Value::Number(text.to_owned()));
    }
    Err(format!("a number; it is {text:.40}"))
}

/// What stands after a backslash outside a string: `\a`, `\newline`, `\u0041`.
pub(super) fn character(text: &str) -> Result<Value, String> {
    let mut chars = text.chars();
    let c = match (chars.next(), chars.as_str()) {
        (Some(c), "") => c,
        _ => match text {
            "newline" => '\n',
            "space" => ' ',
            "tab" => '\t',
            "return" => '\r',
            "backspace" => '\u{8}',
            "formfeed" => '\u{c}',
            _ => text
                .strip_prefix('u')
                .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                .and_then(char::from_u32)
                .ok_or_else(|| format!("a character; it is \\{text:.40}"))?,
        },
    };
    Ok(Value::Text(c.to_string()))
}

/// What stands for itself after a backslash in a string, but for `u` and octal digits.
pub(super) fn escape(byte: u8) -> Option<char> {
    Some(match byte {
        b'"' | b'\\' | b'/' | b'\'' => char::from(byte),
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        _ => return None,
    })
}
