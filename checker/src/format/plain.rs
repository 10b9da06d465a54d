//! A short way through the lines that nearly every file consists of: flat objects of known fields, strings without
//! escapes, whole numbers that are not negative. A line that is anything else takes the long way, with the same
//! result; and so does one that is wrong, for its error.

use super::fields::Fields;
use super::value::Value;

/// Reads the line into `fields`, whatever they held. `false`: the line is not that plain, and the fields hold
/// anything at all.
pub(super) fn read(line: &str, fields: &mut Fields) -> bool {
    let mut op = std::mem::take(&mut fields.op);
    op.clear();
    let spare = [fields.key.take(), text_of(fields.value.take()), text_of(fields.output.take())];
    *fields = Fields { op, ..Fields::default() };
    object(&mut Cursor { text: line, at: 0 }, fields, spare).is_some()
}

fn text_of(value: Option<Value>) -> Option<String> {
    match value? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// `None` as soon as something is not plain. `spare` are strings whose room can be used again.
fn object(line: &mut Cursor<'_>, fields: &mut Fields, mut spare: [Option<String>; 3]) -> Option<()> {
    let mut again = |text: &str| {
        let mut room = spare.iter_mut().find_map(Option::take).unwrap_or_default();
        room.clear();
        room.push_str(text);
        room
    };
    line.expect(b'{')?;
    loop {
        let name = line.string()?;
        line.expect(b':')?;
        match name {
            "client" => once(&mut fields.client, line.number()?)?,
            "call" => once(&mut fields.call, line.number()?)?,
            "return" => once(&mut fields.ret, line.number()?)?,
            "version" => once(&mut fields.version, line.number()?)?,
            "value" => once(&mut fields.value, line.value(&mut again)?)?,
            "output" => once(&mut fields.output, line.value(&mut again)?)?,
            "from" => once(&mut fields.from, line.value(str::to_owned)?)?,
            "ok" => once(&mut fields.ok, line.truth()?)?,
            "op" if fields.op.is_empty() => {
                fields.op.push_str(line.string().filter(|op| !op.is_empty())?);
            }
            "key" if fields.key.is_none() => {
                fields.key = Some(again(line.string()?));
            }
            _ => return None,
        }
        match line.next()? {
            b',' => {}
            b'}' => return line.text[line.at..].trim_ascii().is_empty().then_some(()),
            _ => return None,
        }
    }
}

fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let from = self.at;
        let rest = &self.text.as_bytes()[from..];
        let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        self.at += length + 1;
        // Quotes are whole characters: the string between them is one, too.
        (rest[length] == b'"').then(|| &self.text[from..from + length])
    }

    fn number(&mut self) -> Option<u64> {
        self.peek()?;
        let rest = &self.text.as_bytes()[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        // No leading zeros, and nothing that could overflow.
        if !(1..=18).contains(&digits) || rest[0] == b'0' && digits > 1 {
            return None;
        }
        self.at += digits;
        Some(rest[..digits].iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn truth(&mut self) -> Option<bool> {
        match self.peek()? {
            b't' => self.word("true").map(|()| true),
            _ => self.word("false").map(|()| false),
        }
    }

    fn value(&mut self, owned: impl FnOnce(&str) -> String) -> Option<Value> {
        match self.peek()? {
            b'"' => self.string().map(|text| Value::Text(owned(text))),
            b'n' => self.word("null").map(|()| Value::Null),
            _ => i64::try_from(self.number()?).ok().map(Value::Number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::format::fields::Fields;
    use proptest::prelude::*;

    fn both_ways(line: &str) -> bool {
        let mut fields =
            Fields { op: "old".into(), key: Some("old".into()), ok: Some(true), ..Fields::default() };
        let plain = read(line, &mut fields);
        if plain {
            assert_eq!(serde_json::from_str::<Fields>(line).ok(), Some(fields), "{line}");
        }
        plain
    }

    #[test]
    fn usual_lines_are_plain() {
        for line in [
            r#"{"client":0,"op":"put","key":"k","value":"1","call":137646,"return":716629}"#,
            r#"{"client": 1, "op": "get", "key": "ä", "output": null, "call": 0} "#,
            r#"{"client":1,"op":"cas","key":"k","from":3,"value":"","ok":false,"version":7,"call":1}"#,
        ] {
            assert!(both_ways(line), "{line}");
        }
        for line in
            [r#"{"op":"a\n"}"#, r#"{"call":01}"#, r#"{"call":1.5}"#, r#"{"call":1,"call":2}"#, "{}", "{"]
        {
            assert!(!both_ways(line), "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_short_way_and_the_long_one_agree(
            parts in prop::collection::vec(0..26usize, 0..14),
            usual in any::<bool>(),
        ) {
            const PARTS: [&str; 26] = [
                "{", "}", ",", ":", " ", "\"", "\"key\"", "\"op\":\"get\"", "\"call\":5", "\"return\":0", "\"value\":",
                "\"output\":null", "\"from\":", "\"ok\":true", "\"client\":", "null", "true", "12", "-1", "0", "é",
                "\\u0041", "[]", "99999999999999999999", "\"x\"", "\"to\":\"y\"",
            ];
            let mut line: String = parts.iter().map(|part| PARTS[*part]).collect();
            if usual {
                let fields: Vec<&str> = parts.iter().map(|part| PARTS[*part]).filter(|part| part.contains(':')).collect();
                line = format!("{{{}}}", fields.join(",").replace("\":,", "\":7,"));
            }
            both_ways(&line);
        }
    }
}
