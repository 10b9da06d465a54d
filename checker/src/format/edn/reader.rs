//! From bytes to values, one event at a time.

use super::{Value, token, twice};
use crate::format::Error;
use std::io::Read;

/// How the data are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `{:process 0, :type :ok}`
    Edn,
    /// `{"process": 0, "type": "ok"}`
    Json,
}

/// Deeper nesting than this is an error and not a blown stack.
const DEEPEST: usize = 64;
/// Bytes read at once.
const BUFFER: u64 = 64 << 10;
/// A single event of more bytes than this is a missing bracket.
const LARGEST: u64 = 64 << 20;

/// Reads the items of one list, or of a stream without a list around it, with the line each begins on. Only one
/// item is held in memory. Commas, and the colons of JSON, are taken for white space. Ends after the first error.
pub struct Reader<R> {
    file: String,
    input: R,
    /// What was read and not yet taken: from `at` on.
    buffer: Vec<u8>,
    at: usize,
    dialect: Dialect,
    line: u64,
    /// Bytes of the item read so far.
    taken: u64,
    /// The bracket that will close the list around all items, and the line of the one that opened it.
    around: Option<(u8, u64)>,
    /// Nothing was read yet.
    fresh: bool,
    done: bool,
}

/// What comes next in a list.
enum Form {
    Value(Value),
    Close(u8),
    End,
}

impl<R: Read> Reader<R> {
    /// `file` is the name that errors show.
    pub fn new(file: impl Into<String>, input: R, dialect: Dialect) -> Self {
        Self {
            file: file.into(),
            input,
            buffer: Vec::new(),
            at: 0,
            dialect,
            line: 1,
            taken: 0,
            around: None,
            fresh: true,
            done: false,
        }
    }

    fn expected(&self, what: impl Into<String>) -> Error {
        Error::expected(&self.file, self.line, what)
    }

    #[inline]
    fn peek(&mut self) -> Result<Option<u8>, Error> {
        match self.buffer.get(self.at) {
            Some(byte) => Ok(Some(*byte)),
            None => self.fill(),
        }
    }

    #[cold]
    fn fill(&mut self) -> Result<Option<u8>, Error> {
        self.buffer.clear();
        self.at = 0;
        let read = (&mut self.input).take(BUFFER).read_to_end(&mut self.buffer);
        read.map_err(|error| Error::io(&self.file, self.line, error))?;
        Ok(self.buffer.first().copied())
    }

    #[inline]
    fn bump(&mut self, byte: u8) -> Result<(), Error> {
        self.at += 1;
        self.line += u64::from(byte == b'\n');
        self.taken += 1;
        match self.taken {
            0..=LARGEST => Ok(()),
            _ => Err(self.expected("an event of at most 64 MiB; is a closing bracket missing?")),
        }
    }

    fn skip_blank(&mut self) -> Result<Option<u8>, Error> {
        let json = self.dialect == Dialect::Json;
        let mut comment = false;
        while let Some(byte) = self.peek()? {
            match byte {
                b'\n' => comment = false,
                _ if comment => {}
                b' ' | b'\t' | b'\r' | b',' | b'\x0c' => {}
                b':' if json => {}
                b';' if !json => comment = true,
                _ => return Ok(Some(byte)),
            }
            self.bump(byte)?;
        }
        Ok(None)
    }

    fn item(&mut self) -> Result<Option<(u64, Value)>, Error> {
        if std::mem::take(&mut self.fresh)
            && let Some(open @ (b'[' | b'(')) = self.skip_blank()?
        {
            self.around = Some((if open == b'[' { b']' } else { b')' }, self.line));
            self.bump(open)?;
        }
        loop {
            self.taken = 0;
            self.skip_blank()?;
            let line = self.line;
            match (self.form(0)?, self.around) {
                (Form::Value(value), _) => return Ok(Some((line, value))),
                (Form::Close(byte), Some((close, _))) if byte == close => self.around = None,
                (Form::Close(byte), _) => return Err(self.stray(byte)),
                (Form::End, None) => return Ok(None),
                (Form::End, Some((close, from))) => {
                    let close = char::from(close);
                    return Err(self.expected(format!(
                        "{close:?}, which closes the history that begins on line {from}; the file ends before it"
                    )));
                }
            }
        }
    }

    fn stray(&self, byte: u8) -> Error {
        self.expected(format!("a value; found {:?}", char::from(byte)))
    }

    fn form(&mut self, depth: usize) -> Result<Form, Error> {
        if depth > DEEPEST {
            return Err(self.expected(format!("values nested at most {DEEPEST} deep")));
        }
        let edn = self.dialect == Dialect::Edn;
        loop {
            let Some(byte) = self.skip_blank()? else { return Ok(Form::End) };
            return Ok(Form::Value(match byte {
                b')' | b']' | b'}' => {
                    self.bump(byte)?;
                    return Ok(Form::Close(byte));
                }
                b'[' => self.items(b']', depth).map(Value::List)?,
                b'(' if edn => self.items(b')', depth).map(Value::List)?,
                b'{' => self.map(depth)?,
                b'"' => self.string()?,
                b'#' if edn => match self.dispatch(depth)? {
                    Some(value) => value,
                    None => continue,
                },
                b':' => {
                    self.bump(byte)?;
                    Value::Keyword(self.word(Vec::new())?)
                }
                b'\\' if edn => self.character()?,
                _ => {
                    let word = self.word(Vec::new())?;
                    token::word(&word).map_err(|what| self.expected(what))?
                }
            }));
        }
    }

    fn character(&mut self) -> Result<Value, Error> {
        self.bump(b'\\')?;
        // Brackets and quotes are characters, too.
        let Some(first) = self.peek()? else { return Err(self.expected("a character; the file ends here")) };
        self.bump(first)?;
        let word = self.word(vec![first])?;
        token::character(&word).map_err(|what| self.expected(what))
    }

    /// After `#`: a set, a discarded value (`None`), a symbolic number, or a tag.
    fn dispatch(&mut self, depth: usize) -> Result<Option<Value>, Error> {
        self.bump(b'#')?;
        let value = match self.peek()? {
            Some(b'{') => self.items(b'}', depth).map(Value::Set)?,
            Some(b'_') => {
                self.bump(b'_')?;
                self.value(depth + 1)?;
                return Ok(None);
            }
            Some(b'#') => {
                self.bump(b'#')?;
                Value::Number(format!("##{}", self.word(Vec::new())?))
            }
            _ => {
                let tag = self.word(Vec::new())?;
                Value::Tagged(tag, Box::new(self.value(depth + 1)?))
            }
        };
        Ok(Some(value))
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        match self.form(depth)? {
            Form::Value(value) => Ok(value),
            Form::Close(byte) => Err(self.stray(byte)),
            Form::End => Err(self.expected("a value; the file ends here")),
        }
    }

    /// From the opening bracket to `close`.
    fn items(&mut self, close: u8, depth: usize) -> Result<Vec<Value>, Error> {
        let (mut items, from) = (Vec::new(), self.line);
        let open = self.peek()?.unwrap_or_default();
        self.bump(open)?;
        loop {
            match self.form(depth + 1)? {
                Form::Value(value) => items.push(value),
                Form::Close(byte) if byte == close => return Ok(items),
                Form::Close(byte) => {
                    let (close, byte) = (char::from(close), char::from(byte));
                    return Err(
                        self.expected(format!("{close:?} for the bracket on line {from}; found {byte:?}"))
                    );
                }
                Form::End => {
                    let close = char::from(close);
                    return Err(self
                        .expected(format!("{close:?} for the bracket on line {from}; the file ends here")));
                }
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Error> {
        let mut items = self.items(b'}', depth)?.into_iter();
        let mut pairs = Vec::with_capacity(items.len() / 2);
        while let Some(key) = items.next() {
            let Some(value) = items.next() else {
                return Err(
                    self.expected(format!("a value for each key of the map; {} has none", key.shown()))
                );
            };
            pairs.push((key, value));
        }
        if let Some(twice) = twice(&pairs) {
            return Err(self.expected(format!("each key of the map once; {twice:.40} is there twice")));
        }
        Ok(Value::Map(pairs))
    }

    /// What `bytes` begin, up to the next delimiter, and not empty.
    fn word(&mut self, mut bytes: Vec<u8>) -> Result<String, Error> {
        while let Some(byte) = self.peek()? {
            let delimiter = matches!(byte, b',' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';')
                || byte.is_ascii_whitespace()
                || byte == b':' && self.dialect == Dialect::Json;
            if delimiter {
                break;
            }
            bytes.push(byte);
            self.bump(byte)?;
        }
        match String::from_utf8(bytes) {
            Ok(word) if !word.is_empty() => Ok(word),
            Ok(_) => match self.peek()? {
                Some(byte) => Err(self.stray(byte)),
                None => Err(self.expected("a value; the file ends here")),
            },
            Err(_) => Err(self.expected("UTF-8")),
        }
    }

    fn string(&mut self) -> Result<Value, Error> {
        let from = self.line;
        self.bump(b'"')?;
        let mut bytes = Vec::new();
        loop {
            let Some(byte) = self.peek()? else {
                return Err(self.expected(format!(
                    "'\"' for the string that begins on line {from}; the file ends here"
                )));
            };
            self.bump(byte)?;
            match byte {
                b'"' => break,
                b'\\' => {
                    let c = self.escaped()?;
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).map(Value::Text).map_err(|_| self.expected("UTF-8 in the string"))
    }

    /// After the backslash. Half of a surrogate pair becomes U+FFFD.
    fn escaped(&mut self) -> Result<char, Error> {
        let wrong = "an escape: \\n, \\t, \\r, \\b, \\f, \\\", \\\\ or \\u and four hexadecimal digits";
        let Some(byte) = self.peek()? else { return Err(self.expected(wrong)) };
        self.bump(byte)?;
        if let Some(c) = token::escape(byte) {
            return Ok(c);
        }
        if byte != b'u' {
            return Err(self.expected(wrong));
        }
        let high = self.hex(wrong)?;
        if let Some(c) = char::from_u32(high) {
            return Ok(c);
        }
        if self.peek()? != Some(b'\\') || high >= 0xdc00 {
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        self.bump(b'\\')?;
        match self.peek()? {
            Some(b'u') => self.bump(b'u')?,
            _ => return Err(self.expected("the second half of a surrogate pair")),
        }
        let low = self.hex(wrong)?;
        let pair = 0x10000 + ((high - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
        Ok(char::from_u32(pair)
            .filter(|_| (0xdc00..0xe000).contains(&low))
            .unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self, wrong: &str) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            let byte = self.peek()?.unwrap_or_default();
            let Some(digit) = char::from(byte).to_digit(16) else { return Err(self.expected(wrong)) };
            self.bump(byte)?;
            code = code << 4 | digit;
        }
        Ok(code)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<(u64, Value), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.item();
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}
