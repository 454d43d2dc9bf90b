//! HTML, written so that nothing that is shown can be taken for markup.
//!
//! Tags and names of attributes are samara's own, which their type says; texts and values may be anybody's and are
//! escaped without exception. There is no way to write a text as it is: whoever needs other markup adds a method here.

use samara_search::commanding::{one_line, printable};

use crate::svg::{self, Svg};

/// Attributes: names of samara's own, values of anybody's.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

/// A part of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An element with what `fill` writes in it.
    pub fn within(&mut self, tag: &'static str, attributes: Attributes<'_>, fill: impl FnOnce(&mut Self)) {
        self.open(tag, attributes);
        fill(self);
        self.0 += &format!("</{tag}>");
        // Lines for whoever reads the source, where no reader of the page sees them.
        if matches!(
            tag,
            "section"
                | "article"
                | "header"
                | "main"
                | "table"
                | "tr"
                | "details"
                | "div"
                | "figure"
                | "dl"
                | "nav"
        ) {
            self.0.push('\n');
        }
    }

    /// An element with a text.
    pub fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.within(tag, attributes, |html| html.text(text));
    }

    /// An element that has no end.
    pub fn empty(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.open(tag, attributes);
    }

    /// A text: lines stay lines where the element's style keeps them.
    pub fn text(&mut self, text: &str) {
        self.0 += &escaped(text);
    }

    /// A text in which what stands between backticks is code, as messages for terminals have it. Between the marks it is
    /// a text like any other.
    pub fn prose(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, code, after)) = between_backticks(rest) {
            self.text(before);
            self.element("code", &[], code);
            rest = after;
        }
        self.text(rest);
    }

    /// A drawing, made for a page.
    pub fn drawing(&mut self, svg: Svg) {
        self.0 += &svg.finish();
    }

    /// A square of a colour of samara's own, such as that of a curve or an objective. It is a drawing, since a page may
    /// forbid styles that stand in its elements.
    pub fn swatch(&mut self, class: &'static str, colour: &str) {
        let attributes = [("class", class), ("viewBox", "0 0 1 1"), ("aria-hidden", "true")];
        self.within("svg", &attributes, |html| {
            html.within("rect", &[("width", "1"), ("height", "1"), ("fill", colour)], |_| ());
        });
    }

    /// A bar of parts side by side: of each its colour and its share of the whole.
    pub fn bar(&mut self, class: &'static str, parts: &[(&str, f64)]) {
        let attributes = [
            ("class", class),
            ("viewBox", "0 0 1000 10"),
            ("preserveAspectRatio", "none"),
            ("aria-hidden", "true"),
        ];
        self.within("svg", &attributes, |html| {
            let mut from = 0.0;
            for (colour, share) in parts {
                let (x, wide) = (format!("{:.1}", from * 1000.0), format!("{:.1}", share * 1000.0));
                html.within(
                    "rect",
                    &[("x", &x), ("width", &wide), ("height", "10"), ("fill", colour)],
                    |_| (),
                );
                from += share;
            }
        });
    }

    /// A picture as a part of the file. `kind` is its type, such as `image/png`.
    pub fn picture(&mut self, kind: &'static str, bytes: &[u8], attributes: Attributes<'_>) {
        let source = format!("data:{kind};base64,{}", svg::base64(bytes));
        self.empty("img", &[&[("src", &*source)], attributes].concat());
    }

    /// A style sheet of samara's own.
    pub fn style(&mut self, sheet: &'static str) {
        self.0 += &format!("<style>\n{sheet}</style>\n");
    }

    /// What `other` holds.
    pub fn append(&mut self, other: &Self) {
        self.0 += &other.0;
    }

    /// What was written so far.
    pub fn into_text(self) -> String {
        self.0
    }

    /// A page of this body whose style sheet and script are files of the same host; what it may do is said by whoever
    /// serves it. Who is asked from it hears as much of its address as the policy `referrer` says.
    pub fn linked_page(
        self,
        title: &str,
        sheet: &'static str,
        script: &'static str,
        referrer: &'static str,
    ) -> String {
        let mut html = Self::new();
        html.0 += "<!doctype html>\n";
        html.within("html", &[("lang", "en")], |html| {
            html.within("head", &[], |html| {
                Self::head(html, title, referrer);
                html.empty("link", &[("rel", "stylesheet"), ("href", sheet)]);
                html.empty("link", &[("rel", "icon"), ("href", "data:,")]);
                html.within("script", &[("src", script), ("defer", "")], |_| ());
            });
            html.within("body", &[], |html| html.append(&self));
        });
        html.0.push('\n');
        html.0
    }

    fn head(html: &mut Self, title: &str, referrer: &'static str) {
        html.empty("meta", &[("charset", "utf-8")]);
        html.empty("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
        html.empty("meta", &[("name", "color-scheme"), ("content", "light dark")]);
        html.empty("meta", &[("name", "referrer"), ("content", referrer)]);
        html.element("title", &[], &one_line(title));
    }

    /// A page of this body.
    pub fn page(self, title: &str, sheet: &'static str) -> String {
        let mut html = Self::new();
        html.0 += "<!doctype html>\n";
        html.within("html", &[("lang", "en")], |html| {
            html.within("head", &[], |html| {
                html.empty("meta", &[("charset", "utf-8")]);
                // Before anything that could ask somebody for something.
                html.empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
                html.empty(
                    "meta",
                    &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")],
                );
                html.empty("meta", &[("name", "color-scheme"), ("content", "light dark")]);
                html.empty("meta", &[("name", "referrer"), ("content", "no-referrer")]);
                html.element("title", &[], &one_line(title));
                html.style(sheet);
            });
            html.within("body", &[], |html| html.append(&self));
        });
        html.0.push('\n');
        html.0
    }

    fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.0 += &format!("<{tag}");
        for (name, value) in attributes {
            self.0 += &format!(" {name}=\"{}\"", escaped(value));
        }
        self.0.push('>');
    }
}

/// What stands before a pair of backticks, between them and behind.
fn between_backticks(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after)).filter(|_| !code.is_empty())
}

/// What a browser lets a report do: show its own style and pictures. It runs no script, asks no host, sends no form.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// A text that is no markup, neither between tags nor in an attribute's quotes, and commands nothing: what controls is
/// seen as U+FFFD.
pub fn escaped(text: &str) -> String {
    let text = printable(text);
    let mut safe = String::with_capacity(text.len() + text.len() / 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // No characters, and so no text.
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text as a browser reads it back.
    fn read(safe: &str) -> String {
        let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        pairs.iter().fold(safe.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    #[test]
    fn a_script_is_text_wherever_it_stands() {
        let hostile = "</p><script>alert(1)</script>\" onload='x'\u{202e}\u{1b}[2J\0";
        let mut html = Html::new();
        html.within("p", &[("title", hostile)], |html| html.text(hostile));
        let safe = "&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39;\u{fffd}\u{fffd}[2J\u{fffd}";
        assert_eq!(html.0, format!("<p title=\"{safe}\">{safe}</p>"));
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_still_no_markup() {
        let prose = |text: &str| {
            let mut html = Html::new();
            html.prose(text);
            html.0
        };
        assert_eq!(prose("run `a <b>` or `c`."), "run <code>a &lt;b&gt;</code> or <code>c</code>.");
        for text in ["one ` alone", "none", "", "``", "a `b` and ` alone"] {
            let bare = prose(text).replace("<code>", "`").replace("</code>", "`");
            assert_eq!(bare, text);
        }
    }

    #[test]
    fn a_page_lets_nothing_be_asked_for() {
        let mut body = Html::new();
        body.picture("image/png", b"foo", &[("alt", "a <b>")]);
        let page = body.page("a </title><script>", "p { color: red }\n");
        insta::assert_snapshot!(page);
    }

    proptest! {
        #[test]
        fn any_text_is_escaped_and_read_back(text in any::<String>()) {
            let safe = escaped(&text);
            prop_assert!(!safe.contains(['<', '>', '"', '\'']));
            prop_assert!(!safe.chars().any(|c| c != '\n' && samara_search::commanding::commands(c)));
            let shown: String =
                printable(&text).chars().map(|c| if matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c }).collect();
            prop_assert_eq!(read(&safe), shown);
        }

        #[test]
        fn any_text_stays_in_its_element_and_attribute(
            text in "(<|>|&|\"|'|/|script|[a-z]|\\PC|\\p{Cc}){0,40}",
        ) {
            let mut html = Html::new();
            html.element("p", &[("title", &text)], &text);
            prop_assert_eq!(html.0.matches('<').count(), 2, "{}", html.0);
            prop_assert_eq!(html.0.matches('>').count(), 2, "{}", html.0);
            prop_assert_eq!(html.0.matches('"').count(), 2, "{}", html.0);
        }
    }
}
