//! One line of a trace.

use std::io::Write;

/// A JSON object being written, field by field.
pub(crate) struct Line<'a> {
    bytes: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Line<'a> {
    pub(crate) fn open(bytes: &'a mut Vec<u8>) -> Self {
        bytes.push(b'{');
        Line { bytes, first: true }
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.bytes.push(b',');
        }
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
        self.bytes
    }

    /// A number.
    pub(crate) fn field(&mut self, key: &str, value: u64) -> &mut Self {
        write!(self.key(key), "{value}").expect("writing to memory cannot fail");
        self
    }

    /// A text, escaped.
    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        serde_json::to_writer(self.key(key), value).expect("writing to memory cannot fail");
        self
    }

    pub(crate) fn close(self) {
        self.bytes.extend_from_slice(b"}\n");
    }
}
