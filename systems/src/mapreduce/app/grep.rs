//! Distributed grep (§2.3): map finds, reduce copies.

use super::{Application, Emit, Record};

/// Output: `file:line` for every line that contains the text; those of one output file by file and place.
#[derive(Debug, Clone)]
pub struct Grep {
    text: Vec<u8>,
}

impl Grep {
    /// Looks for these bytes.
    pub fn new(text: Vec<u8>) -> Grep {
        Grep { text }
    }
}

impl Application for Grep {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        let found =
            !self.text.is_empty() && record.line.windows(self.text.len()).any(|part| part == self.text);
        if found {
            out.count("matches", 1);
            out.emit(format!("{}\0{:020}", record.file, record.offset).as_bytes(), record.line);
        }
    }

    fn reduce(&self, key: &[u8], value: &[u8], _state: &mut Vec<u8>, out: &mut Vec<u8>) {
        let file = key.split(|byte| *byte == 0).next().unwrap_or_default();
        for part in [file, b":", value, b"\n"] {
            out.extend_from_slice(part);
        }
    }
}
