//! A verdict as a page for a browser: one file that needs nothing else.
//!
//! Operations are bars, a row for each client and time to the right; dots are linearization points. The page pans
//! and zooms, and shows one key at a time. Of a large history it holds the part around what is wrong, and says
//! so: a page is never larger than [`LARGEST`].

mod data;
mod points;
mod window;

use crate::history::Operation;
use crate::model::Model;
use crate::verdict::Verdict;

/// The most bytes that a page has.
pub const LARGEST: usize = 1 << 20;

/// What a page says of the history besides the verdict.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// What was judged: the file's name.
    pub title: &'a str,
    /// What it was judged against.
    pub model: &'a str,
    /// Whether times are nanoseconds. Else they count events.
    pub timed: bool,
}

/// The page, as HTML.
///
/// ```
/// use stormglass_checker::page::{About, page};
/// use stormglass_checker::{Operation, check, models::register::{Input, Output, Register}};
///
/// let history = [
///     Operation::completed(0, Input::write("x", "1"), 0, Output::Done, 10),
///     Operation::completed(1, Input::read("x"), 20, Output::Value(None), 30),
/// ];
/// let verdict = check(&Register, &history, Default::default());
/// let about = About { title: "stale", model: "register", timed: true };
/// let html = page(&Register, &history, &verdict, &about);
/// assert!(html.starts_with("<!doctype html>") && html.contains("NOT LINEARIZABLE"));
/// ```
pub fn page<M: Model>(
    model: &M,
    history: &[Operation<M::Input, M::Output>],
    verdict: &Verdict,
    about: &About<'_>,
) -> String {
    let data = data::gather(model, history, verdict, about);
    [
        HEAD,
        "<title>",
        &text(&data.title),
        "</title>\n<style>\n",
        include_str!("style.css"),
        "</style>\n",
        include_str!("body.html"),
        "<script type=\"application/json\" id=\"data\">",
        &script(&data.to_json()),
        "</script>\n<script>\n",
        include_str!("layout.js"),
        include_str!("view.js"),
        "</script>\n</html>\n",
    ]
    .concat()
}

/// The policy is what keeps the page from the network, whatever is in the history.
const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
<meta http-equiv=\"Content-Security-Policy\" \
content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n";

/// JSON that no HTML parser takes for anything else: `<` can only stand in its strings, where it has another
/// spelling.
fn script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Text between tags.
fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
