//! The files of written material: threads, pieces and bad texts of each domain.
//!
//! One entry a line: `thread NAME`, then `o`, `m`, `t` or `c` (opening, middle, turn, close), `piece`, `fault` or `slot`,
//! each followed by labels, a bar and the text; `name`, `spy` and `politician` say what may stand in a slot. Lines that
//! begin with `#` are comments.

use std::sync::OnceLock;

use crate::{Stream, corpus::Domain};

use super::{labels::Labels, subjects};

/// What lines are called that say what may stand in a slot, and what stands for it there.
const NAMES: [&str; 3] = ["name", "spy", "politician"];
const SLOTS: [[&str; 2]; 3] = [["{x}", "{X}"], ["{spy}", "{Spy}"], ["{pol}", "{Pol}"]];

/// A line of the material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it says of the text.
    pub labels: Labels,
    /// A sentence, or a whole text.
    pub text: String,
    /// Whether it is a bad text that does not even mention what it should be about.
    pub astray: bool,
}

/// Sentences of one person about one situation, any choice of which reads as a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Thread {
    /// Its name, for messages.
    pub name: String,
    /// A text may begin with any of these.
    pub openings: Vec<Entry>,
    /// Reasons, events, details, in any order.
    pub middles: Vec<Entry>,
    /// Admissions of the other side; their labels are those of what follows.
    pub turns: Vec<Entry>,
    /// A text may end with any of these.
    pub closes: Vec<Entry>,
}

/// All that was written for a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Material {
    /// Situations.
    pub threads: Vec<Thread>,
    /// Whole texts.
    pub pieces: Vec<Entry>,
    /// Whole texts as people of all kinds write them: for the judge, not to be imitated.
    pub people: Vec<Entry>,
    /// Bad texts, with a negative quality.
    pub faults: Vec<Entry>,
    /// Sentences with `{x}`, or `{spy}` and `{pol}`, for the judge: what stands there does not matter.
    pub slots: Vec<Entry>,
    /// What may stand for `{x}`, for `{spy}` (she) and for `{pol}` (he).
    pub names: [Vec<String>; 3],
}

impl Material {
    /// Reads a file.
    ///
    /// # Errors
    /// The first line that can't be read, with its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut material = Self::default();
        for (number, line) in text.lines().enumerate() {
            material.line(line.trim()).map_err(|what| format!("line {}: {what}", number + 1))?;
        }
        let bare = |thread: &&Thread| {
            [&thread.openings, &thread.middles, &thread.closes].iter().any(|lines| lines.is_empty())
        };
        match material.threads.iter().find(bare) {
            Some(thread) => Err(format!("thread {} lacks an opening, a middle or a close", thread.name)),
            None => Ok(material),
        }
    }

    /// A name for each kind of slot; empty where a domain has none.
    pub fn draw_names(&self, stream: &mut Stream) -> [&str; 3] {
        self.names.each_ref().map(|names| if names.is_empty() { "" } else { stream.choose(names).as_str() })
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(name) = line.strip_prefix("thread ") {
            self.threads.push(Thread { name: name.trim().to_owned(), ..Thread::default() });
            return Ok(());
        }
        let (head, text) = line.split_once('|').ok_or("no bar between labels and text")?;
        let (kind, labels) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
        let entry = Entry { labels: Labels::parse(labels)?, text: text.trim().to_owned(), astray: false };
        if entry.text.is_empty() {
            return Err("an entry without a text".to_owned());
        }
        if let Some(at) = NAMES.iter().position(|name| *name == kind) {
            self.names[at].push(entry.text);
            return Ok(());
        }
        let thread = self.threads.last_mut().ok_or("a sentence before the first thread");
        match kind {
            "o" => thread?.openings.push(entry),
            "m" => thread?.middles.push(entry),
            "t" => thread?.turns.push(entry),
            "c" => thread?.closes.push(entry),
            "piece" => self.pieces.push(entry),
            "fault" => self.faults.push(entry),
            "slot" => self.slots.push(entry),
            other => {
                let kinds = "o, m, t, c, piece, fault, slot, name, spy and politician";
                return Err(format!("`{other}` is none of {kinds}"));
            }
        }
        Ok(())
    }

    /// What was written for a domain.
    ///
    /// # Panics
    /// If a file of the material is malformed: a test reads them all.
    pub fn of(domain: Domain) -> &'static Self {
        static ALL: [OnceLock<Material>; 3] = [const { OnceLock::new() }; 3];
        let (at, written, people) = match domain {
            Domain::Opinions => {
                (0, include_str!("material/opinions.txt"), include_str!("material/people-opinions.txt"))
            }
            Domain::ShortStory => {
                (1, include_str!("material/stories.txt"), include_str!("material/people-stories.txt"))
            }
            Domain::MovieReviews => {
                (2, include_str!("material/reviews.txt"), include_str!("material/people-reviews.txt"))
            }
        };
        ALL[at].get_or_init(|| match (Self::parse(written), Self::parse(people)) {
            (Ok(mut all), Ok(people)) => {
                all.people = people.pieces;
                all.faults.extend(people.faults);
                for fault in &mut all.faults {
                    fault.astray = !subjects::mentions(domain, &fault.text);
                }
                all.slots = people.slots;
                all.names = people.names;
                all
            }
            (written, people) => {
                panic!("the material of {}: {:?} {:?}", domain.name(), written.err(), people.err())
            }
        })
    }
}

/// A sentence with its slots filled.
pub fn filled(slot: &Entry, names: [&str; 3]) -> String {
    SLOTS.iter().zip(names).fold(slot.text.clone(), |text, ([small, large], name)| {
        text.replace(small, name).replace(large, &capital(name))
    })
}

/// A word with a capital letter.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_line_is_named_with_its_number() {
        let good = "thread t\no a+1 | One.\nm a0 | Two.\nc | Three.\n";
        assert!(Material::parse(good).is_ok());
        for (bad, what) in [
            ("o a+1 | One.", "line 1: a sentence before the first thread"),
            ("thread t\no a+4 | One.", "line 2: `a+4` is not a whole number from -3 to 3"),
            ("thread t\no x1 | One.", "line 2: `x1` begins with none of a, f, e, g, q"),
            ("piece a1 One.", "line 1: no bar between labels and text"),
            ("piece a1 |", "line 1: an entry without a text"),
            (
                "verse a1 | One.",
                "line 1: `verse` is none of o, m, t, c, piece, fault, slot, name, spy and politician",
            ),
            ("thread t\no | One.", "thread t lacks an opening, a middle or a close"),
        ] {
            assert_eq!(Material::parse(bad).unwrap_err(), what, "{bad}");
        }
    }
}
