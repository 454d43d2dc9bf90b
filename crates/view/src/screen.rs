//! What a text is laid out for: columns and colours, of a terminal or of a file.
//!
//! Everything that draws for a terminal is handed a [`Screen`]; who asks the world for one is no part of this crate.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of what is no terminal, unless `COLUMNS` says otherwise.
const COLUMNS: usize = 100;
/// Fewer columns are laid out as this many.
const NARROWEST: usize = 20;

/// Which colours can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// None: not wanted, or no terminal.
    None,
    /// The 256 of xterm, which nearly every terminal knows.
    Palette,
    /// All: the terminal says so in `COLORTERM`.
    True,
}

/// Where a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Characters of a line, at least 20.
    pub width: usize,
    /// The colours.
    pub colours: Colours,
}

impl Screen {
    /// From whether it is a terminal, how wide it says it is, and the variables `COLUMNS`, `NO_COLOR`, `TERM` and
    /// `COLORTERM`, empty where they are not set.
    pub fn new(
        terminal: bool,
        width: Option<usize>,
        [columns, no_color, term, colorterm]: [&str; 4],
    ) -> Self {
        let asked: Option<usize> = columns.parse().ok().filter(|columns| *columns > 0);
        let width = asked.or(width.filter(|width| *width > 0)).unwrap_or(COLUMNS).max(NARROWEST);
        let colours = match colorterm {
            _ if !terminal || !no_color.is_empty() || term == "dumb" => Colours::None,
            "truecolor" | "24bit" => Colours::True,
            _ => Colours::Palette,
        };
        Self { width, colours }
    }
}

impl Colours {
    /// A text on a background.
    pub fn behind(self, text: &str, colour: (u8, u8, u8)) -> String {
        match self {
            Self::None => text.to_owned(),
            Self::Palette | Self::True => {
                format!("\x1b[48;{}m{text}\x1b[0m", self.code(colour))
            }
        }
    }

    /// So many characters whose upper halves have one colour and whose lower halves another, or none; blanks without
    /// colours.
    pub fn halves(self, count: usize, above: (u8, u8, u8), below: Option<(u8, u8, u8)>) -> String {
        if self == Self::None {
            return " ".repeat(count);
        }
        let below = below.map_or(String::new(), |below| format!(";48;{}", self.code(below)));
        format!("\x1b[38;{}{below}m{}\x1b[0m", self.code(above), "▀".repeat(count))
    }

    /// A colour as escape sequences name it, behind `38;` or `48;`.
    fn code(self, (red, green, blue): (u8, u8, u8)) -> String {
        if self == Self::True {
            return format!("2;{red};{green};{blue}");
        }
        // The palette's cube of 6 x 6 x 6 colours has the levels 0, 95, 135, 175, 215 and 255.
        let level = |x: u8| if x < 48 { 0 } else { (u16::from(x.max(75)) - 35) / 40 };
        format!("5;{}", 16 + 36 * level(red) + 6 * level(green) + level(blue))
    }
}

/// The columns that a text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// A text in at most so many columns; what is cut off leaves an ellipsis.
pub fn clip(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut taken = 0;
    let fits = |c: &char| {
        taken += c.width().unwrap_or(0);
        taken < width
    };
    text.chars().take_while(fits).chain((width > 0).then_some('…')).collect()
}

/// Words on lines of at most so many columns, every line after this indentation; a longer word is broken. A
/// non-breaking space becomes a space that no line ends at.
pub fn fill(text: &str, indentation: &str, width: usize) -> String {
    let room = width.saturating_sub(columns(indentation)).max(1);
    let mut lines = vec![String::new()];
    for word in text.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let line = lines.last_mut();
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if columns(line) + 1 + columns(word) <= room => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
        while let Some(rest) = lines.last_mut().and_then(|line| break_off(line, room)) {
            lines.push(rest);
        }
    }
    lines.into_iter().map(|line| format!("{indentation}{}\n", line.replace('\u{a0}', " "))).collect()
}

/// What of a line is beyond its room.
fn break_off(line: &mut String, room: usize) -> Option<String> {
    let mut taken = 0;
    let beyond = line.char_indices().find(|(at, c)| {
        taken += c.width().unwrap_or(0);
        taken > room && *at > 0
    });
    beyond.map(|(at, _)| at).map(|at| line.split_off(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_do_not_forbid_them() {
        let colours = |terminal, variables| Screen::new(terminal, Some(80), variables).colours;
        assert_eq!(colours(true, ["", "", "xterm", ""]), Colours::Palette);
        assert_eq!(colours(true, ["", "", "xterm", "truecolor"]), Colours::True);
        for none in [["", "1", "xterm", "truecolor"], ["", "", "dumb", ""]] {
            assert_eq!(colours(true, none), Colours::None);
        }
        assert_eq!(colours(false, ["", "", "xterm", "truecolor"]), Colours::None);
    }

    #[test]
    fn the_width_is_what_the_user_says_or_the_terminal() {
        let width = |terminal, columns| Screen::new(true, terminal, [columns, "", "", ""]).width;
        assert_eq!((width(Some(80), ""), width(Some(80), "40"), width(None, "")), (80, 40, 100));
        assert_eq!((width(Some(0), ""), width(Some(3), ""), width(Some(80), "many")), (100, 20, 80));
    }

    #[test]
    fn the_palette_takes_the_nearest_colour() {
        assert_eq!(Colours::Palette.behind("x", (253, 231, 37)), "\x1b[48;5;220mx\x1b[0m");
        assert_eq!(Colours::Palette.behind("x", (0, 95, 255)), "\x1b[48;5;27mx\x1b[0m");
        assert_eq!(Colours::None.behind("x", (0, 0, 0)), "x");
    }

    #[test]
    fn no_line_is_longer_than_its_width() {
        assert_eq!(fill("one two three", "  ", 9), "  one two\n  three\n");
        assert_eq!(fill("one two\u{a0}three", "", 9), "one\ntwo three\n");
        assert_eq!(fill("abcdefgh ij", " ", 4), " abc\n def\n gh\n ij\n");
        assert_eq!(fill("日本語の軸", "", 4), "日本\n語の\n軸\n");
        assert_eq!(
            (clip("abcdef", 4), clip("abcd", 4), clip("日本語", 4)),
            ("abc…".into(), "abcd".into(), "日…".into())
        );
    }
}
