//! What a scan shows of the map. It is bounded, because an answer is one message and stays in memory until it is sent.

use std::collections::BTreeMap;

use super::super::message::{PAGE_BYTES, PAGE_KEYS, Page, Range, Versioned};

/// The beginning of the range: of the same state every server makes the same.
pub(super) fn page(map: &BTreeMap<String, Versioned>, range: &Range) -> Page {
    let most = range.limit.clamp(1, PAGE_KEYS);
    let (mut entries, mut bytes) = (Vec::new(), 0);
    // A map's own range panics where the end lies before the start, and both come from a client.
    for (key, found) in map.range(range.from.clone()..).take_while(|(key, _)| range.ends_after(key)) {
        bytes += key.len() + found.value.len();
        if entries.len() == most || bytes > PAGE_BYTES && !entries.is_empty() {
            return Page { entries, next: Some(key.clone()) };
        }
        entries.push((key.clone(), found.clone()));
    }
    Page { entries, next: None }
}

impl Range {
    /// Whether the range ends after this key.
    pub(in super::super) fn ends_after(&self, key: &str) -> bool {
        self.to.as_deref().is_none_or(|to| key < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[(&str, &str)]) -> BTreeMap<String, Versioned> {
        let versioned = |value: &str| Versioned { value: value.into(), version: 1 };
        values.iter().map(|&(key, value)| (key.to_owned(), versioned(value))).collect()
    }

    /// The keys of the page, and where the rest begins.
    fn scan(
        map: &BTreeMap<String, Versioned>,
        from: &str,
        to: Option<&str>,
        limit: usize,
    ) -> (String, Option<String>) {
        let Page { entries, next } =
            page(map, &Range { from: from.into(), to: to.map(str::to_owned), limit });
        (entries.into_iter().map(|(key, _)| key).collect(), next)
    }

    #[test]
    fn a_page_is_the_beginning_of_its_range_and_names_the_rest() {
        let map = map(&[("a", "1"), ("b", "2"), ("d", "4"), ("e", "5")]);
        for (from, to, limit, keys, next) in [
            ("", None, 9, "abde", None),
            ("b", Some("e"), 9, "bd", None),
            ("c", Some("f"), 2, "de", None),
            ("a", None, 2, "ab", Some("d")),
            ("a", Some("c"), 2, "ab", None),
            ("a", None, 0, "a", Some("b")),
            ("b", Some("b"), 9, "", None),
            ("e", Some("a"), 9, "", None),
        ] {
            assert_eq!(scan(&map, from, to, limit), (keys.into(), next.map(str::to_owned)), "{from} {to:?}");
        }
    }

    #[test]
    fn a_page_is_bounded_whatever_was_asked_for() {
        let many: Vec<String> = (0..PAGE_KEYS + 1).map(|n| format!("{n:06}")).collect();
        let many: Vec<_> = many.iter().map(|key| (key.as_str(), "")).collect();
        let (keys, next) = scan(&map(&many), "", None, usize::MAX);
        assert_eq!((keys.len(), next.as_deref()), (6 * PAGE_KEYS, Some("001000")));

        let (half, whole) = ("v".repeat(PAGE_BYTES / 2), "v".repeat(PAGE_BYTES));
        let large = map(&[("a", &half), ("b", &half), ("c", &whole), ("d", "")]);
        assert_eq!(scan(&large, "a", None, 9), ("a".into(), Some("b".into())), "the keys have bytes too");
        assert_eq!(scan(&large, "c", None, 9), ("c".into(), Some("d".into())), "one is always shown");
    }
}
