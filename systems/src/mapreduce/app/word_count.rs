//! How often each word occurs: the paper's first example (§2.1), and the labs'.

use super::{Application, Emit, Record, words};

/// Output: `word count`, a line a word.
#[derive(Debug, Clone, Copy)]
pub struct WordCount;

impl Application for WordCount {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        words(record.line, |word| out.emit(word, &1_u64.to_le_bytes()));
    }

    fn reduce(&self, key: &[u8], value: &[u8], state: &mut Vec<u8>, _out: &mut Vec<u8>) {
        self.combine(key, state, value);
    }

    fn finish(&self, key: &[u8], state: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(key);
        out.extend_from_slice(format!(" {}\n", number(state)).as_bytes());
    }

    fn combines(&self) -> bool {
        true
    }

    #[inline]
    fn combine(&self, _key: &[u8], sum: &mut Vec<u8>, value: &[u8]) {
        let total = number(sum).saturating_add(number(value)).to_le_bytes();
        sum.clear();
        sum.extend_from_slice(&total);
    }
}

/// The count in a value; 0 where there is none.
#[inline]
fn number(value: &[u8]) -> u64 {
    value.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
