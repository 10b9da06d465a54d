//! Applications: what a user writes, and the four that come along.
//!
//! An [`Application`] sees one record at a time and one value at a time, so that neither an input nor the values of one
//! key need to fit into memory. The paper's interface (§2) hands `reduce` an iterator; here the iteration is turned
//! inside out: [`reduce`](Application::reduce) is called for every value and [`finish`](Application::finish) after the
//! last.
//!
//! ```
//! use stormglass_systems::mapreduce::app::{Application, Emit, Record};
//!
//! /// For every length the number of lines that have it.
//! struct LineLengths;
//!
//! impl Application for LineLengths {
//!     fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
//!         out.emit(format!("{:06}", record.line.len()).as_bytes(), b"");
//!     }
//!
//!     fn reduce(&self, _key: &[u8], _value: &[u8], state: &mut Vec<u8>, _out: &mut Vec<u8>) {
//!         state.push(b'*');
//!     }
//!
//!     fn finish(&self, key: &[u8], state: &[u8], out: &mut Vec<u8>) {
//!         out.extend([key, b" ", state, b"\n"].concat());
//!     }
//! }
//! ```

mod grep;
mod indexer;
mod sort;
mod word_count;

use std::rc::Rc;

use super::message::Bytes;
use super::protocol::hash;

pub use grep::Grep;
pub use indexer::{Indexer, alike};
pub use sort::{Sort, boundaries};
pub use word_count::WordCount;

/// A line of input.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The path of its file.
    pub file: &'a str,
    /// Where in the file it begins.
    pub offset: u64,
    /// Its bytes, without the newline. Any bytes: nobody has checked that they are text.
    pub line: &'a [u8],
}

/// What a map function is given to speak with.
pub trait Emit {
    /// A key and a value for the reducers.
    fn emit(&mut self, key: &[u8], value: &[u8]);
    /// Adds to a counter of this name (§4.9).
    fn count(&mut self, name: &'static str, by: u64);
}

/// A job's map and reduce functions. They must be functions of their arguments, or the output of a job with failures is
/// only that of *some* run for each of its files (§3.3).
///
/// A function that panics fails its task; a record or key on which that happens again and again can be skipped (§4.6).
pub trait Application {
    /// Emits what there is in a record.
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit);

    /// Takes the next value of a key into `state`, which was empty before the first, or writes to `out` at once. Values
    /// come in no particular order.
    fn reduce(&self, key: &[u8], value: &[u8], state: &mut Vec<u8>, out: &mut Vec<u8>);

    /// After the last value of a key.
    fn finish(&self, _key: &[u8], _state: &[u8], _out: &mut Vec<u8>) {}

    /// Whether [`combine`](Application::combine) may be called (§4.3).
    fn combines(&self) -> bool {
        false
    }

    /// Takes `value` into `sum`, another value of the key. What reducers then see must come to the same.
    fn combine(&self, _key: &[u8], _sum: &mut Vec<u8>, _value: &[u8]) {}

    /// Which of `parts` reduce tasks has the key (§4.1); below `parts`, which is not 0.
    fn partition(&self, key: &[u8], parts: u32) -> u32 {
        hash(key) % parts
    }
}

/// Finds an application by its name and arguments.
pub type Find = fn(&str, &[Bytes]) -> Result<Rc<dyn Application>, String>;

/// The names of the built-in applications, with what each does.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("wc", "counts words: runs of ASCII letters"),
    ("indexer", "for every word the files it is in"),
    ("grep", "the lines that contain a text"),
    ("sort", "all lines, sorted by their bytes; the output files in a row"),
];

/// The built-in application of this name.
///
/// # Errors
/// A sentence, when there is none of this name or its arguments make no sense.
pub fn built_in(name: &str, args: &[Bytes]) -> Result<Rc<dyn Application>, String> {
    match (name, args) {
        ("wc", []) => Ok(Rc::new(WordCount)),
        ("indexer", alike) => Ok(Rc::new(Indexer::new(alike))),
        ("grep", [Bytes(text)]) if !text.is_empty() => Ok(Rc::new(Grep::new(text.clone()))),
        ("grep", _) => Err("grep needs a text to look for".to_owned()),
        ("sort", boundaries) => Ok(Rc::new(Sort::new(boundaries))),
        ("wc", _) => Err(format!("{name} takes no arguments")),
        _ => {
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            Err(format!("no application is called `{name}`; there are: {}", names.join(", ")))
        }
    }
}

/// Calls `each` with every word of a line: its runs of ASCII letters, as `tr -cs A-Za-z '\n'` has them.
#[inline]
fn words(line: &[u8], mut each: impl FnMut(&[u8])) {
    let mut start = 0;
    let mut inside = false;
    for (at, byte) in line.iter().enumerate() {
        let letter = byte.is_ascii_alphabetic();
        if letter != inside {
            if inside {
                each(&line[start..at]);
            } else {
                start = at;
            }
            inside = letter;
        }
    }
    if inside {
        each(&line[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gathers what is emitted.
    #[derive(Default)]
    struct Emitted(Vec<(String, Vec<u8>)>);

    impl Emit for Emitted {
        fn emit(&mut self, key: &[u8], value: &[u8]) {
            self.0.push((String::from_utf8_lossy(key).into_owned(), value.to_vec()));
        }

        fn count(&mut self, _: &'static str, _: u64) {}
    }

    fn mapped(app: &dyn Application, line: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut emitted = Emitted::default();
        app.map(&Record { file: "a/b.txt", offset: 7, line }, &mut emitted);
        emitted.0
    }

    fn reduced(app: &dyn Application, key: &[u8], values: &[&[u8]]) -> String {
        let (mut state, mut out) = (Vec::new(), Vec::new());
        for value in values {
            app.reduce(key, value, &mut state, &mut out);
        }
        app.finish(key, &state, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_are_runs_of_letters() {
        let found = |line: &[u8]| {
            let mut found = Vec::new();
            words(line, |word| found.push(String::from_utf8(word.to_vec()).unwrap()));
            found
        };
        assert_eq!(found(b"It's 4 o'clock"), ["It", "s", "o", "clock"]);
        assert_eq!(found("“Über”, caf\u{e9}!".as_bytes()), ["ber", "caf"]);
        assert_eq!(found(b"end"), ["end"]);
        assert_eq!(found(b"\xff\x00"), [""; 0]);
    }

    #[test]
    fn counts_add_up_with_and_without_the_combiner() {
        let app = WordCount;
        let one = mapped(&app, b"a b a");
        assert_eq!(one.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["a", "b", "a"]);
        let mut sum = one[0].1.clone();
        app.combine(b"a", &mut sum, &one[2].1);
        assert_eq!(reduced(&app, b"a", &[&sum, &one[0].1]), "a 3\n");
        // A damaged value is no reason to fall over.
        app.combine(b"a", &mut sum, b"");
        assert_eq!(reduced(&app, b"a", &[b"xyz"]), "a 0\n");
    }

    #[test]
    fn an_index_names_each_file_once_and_in_order() {
        let app = Indexer::default();
        assert_eq!(mapped(&app, b"x"), [("x".to_owned(), b"b.txt\n".to_vec())]);
        assert_eq!(reduced(&app, b"x", &[b"c\n", b"a\nc\n", b"b\n"]), "x 3 a,b,c\n");
        let mut sum = b"c\n".to_vec();
        app.combine(b"x", &mut sum, b"a\nb\nc\n");
        assert_eq!(sum, b"a\nb\nc\n");
        // Two files of one name are two.
        let alike = alike(["a/b.txt", "a/c.txt", "b.txt"].into_iter());
        assert_eq!(alike, [Bytes(b"a/b.txt".to_vec()), Bytes(b"b.txt".to_vec())]);
        assert_eq!(mapped(&Indexer::new(&alike), b"x"), [("x".to_owned(), b"a/b.txt\n".to_vec())]);
    }

    #[test]
    fn grep_keeps_the_order_of_a_file() {
        let app = Grep::new(b"on".to_vec());
        assert_eq!(mapped(&app, b"of"), []);
        let hit = mapped(&app, b"once");
        assert_eq!(reduced(&app, hit[0].0.as_bytes(), &[&hit[0].1]), "a/b.txt:once\n");
        assert!(mapped(&Grep::new(b"".to_vec()), b"x").is_empty(), "an empty text is nowhere");
    }

    #[test]
    fn a_sort_s_parts_are_in_order() {
        let bounds = boundaries(["m", "c", "x", "c", "q"].map(|line| line.as_bytes().to_vec()).to_vec(), 3);
        let app = Sort::new(&bounds);
        let parts: Vec<u32> =
            ["", "b", "c", "d", "q", "z"].map(|key| app.partition(key.as_bytes(), 3)).into();
        assert!(parts.is_sorted() && parts[0] == 0 && parts[5] == 2, "{parts:?}");
        assert_eq!(Sort::new(&[]).partition(b"x", 3), 0);
        // More boundaries than parts: still below.
        assert!(app.partition(b"z", 1) == 0);
        assert_eq!(reduced(&app, b"k", &[b"", b""]), "k\nk\n");
    }

    #[test]
    fn what_there_is_not_is_named() {
        let error = |name: &str, args: &[Bytes]| built_in(name, args).err().unwrap_or_default();
        assert!(error("wv", &[]).contains("no application is called `wv`; there are: wc, indexer"));
        assert!(error("grep", &[]).contains("needs a text"));
        assert!(error("wc", &[Bytes::default()]).contains("no arguments"));
    }
}
