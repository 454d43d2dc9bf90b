//! How people ask: wordings of questions with their pairs of answers, prompts that ask for a text, and what asks for
//! something else.

use std::sync::OnceLock;

use crate::{Stream, corpus::Domain};

use super::labels::Property;

/// Wordings that share their pairs of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What they ask for.
    pub property: Property,
    /// The domain they speak of; none if of any.
    pub domain: Option<Domain>,
    /// With `{first}` and `{second}` where the answers stand, if they are named.
    pub wordings: Vec<String>,
    /// Pairs of answers that fit all of them.
    pub answers: Vec<Answers>,
}

/// A pair of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The first and the second.
    pub words: [String; 2],
    /// Whether the first one stands for the negative side.
    pub reversed: bool,
}

/// A question as it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What it asks for.
    pub property: Property,
    /// Its wording, with the answers in place.
    pub instruction: String,
    /// The first and the second answer.
    pub answers: [String; 2],
    /// Whether the first one stands for the negative side.
    pub reversed: bool,
}

/// All wordings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wordings {
    /// Questions.
    pub questions: Vec<Block>,
    /// Prompts that ask for a text of a domain.
    pub templates: Vec<(Domain, String)>,
}

/// What is outside of every domain, and prompts that are not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foreign {
    /// Prompts that ask for other texts.
    pub templates: Vec<String>,
    /// Questions about other things.
    pub questions: Vec<String>,
    /// Texts about other things.
    pub texts: Vec<String>,
    /// Prompts and questions of the domains, which are only asked about.
    pub known: Vec<String>,
}

fn domain_of(name: &str) -> Result<Option<Domain>, String> {
    match name {
        "opinions" => Ok(Some(Domain::Opinions)),
        "stories" => Ok(Some(Domain::ShortStory)),
        "reviews" => Ok(Some(Domain::MovieReviews)),
        "any" => Ok(None),
        _ => Err(format!("`{name}` is no domain")),
    }
}

/// The lines of a file that say something, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Where the next `w` line belongs.
enum Under {
    Nothing,
    Question,
    Template(Domain),
}

impl Wordings {
    /// Reads a file.
    ///
    /// # Errors
    /// The first line that can't be read, with its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut all, mut under) = (Self::default(), Under::Nothing);
        for (number, line) in lines(text) {
            all.line(line, &mut under).map_err(|what| format!("line {number}: {what}"))?;
        }
        let bare = all.questions.iter().find(|block| block.wordings.is_empty() || block.answers.is_empty());
        match bare {
            Some(block) => Err(format!("a block about {:?} lacks wordings or answers", block.property)),
            None => Ok(all),
        }
    }

    fn line(&mut self, line: &str, under: &mut Under) -> Result<(), String> {
        if let Some(head) = line.strip_prefix("question ") {
            let (name, domain) = head.split_once(' ').ok_or("a question without a domain")?;
            let property = Property::of_name(name).ok_or_else(|| format!("`{name}` can't be asked"))?;
            let block =
                Block { property, domain: domain_of(domain.trim())?, wordings: vec![], answers: vec![] };
            self.questions.push(block);
            *under = Under::Question;
            return Ok(());
        }
        if let Some(name) = line.strip_prefix("template ").filter(|_| !line.contains('|')) {
            *under = Under::Template(domain_of(name.trim())?.ok_or("a template is of one domain")?);
            return Ok(());
        }
        let (kind, text) = line.split_once('|').ok_or("no bar")?;
        let text = text.trim().to_owned();
        match (kind.trim(), &*under) {
            ("w", Under::Question) => self.last()?.wordings.push(text),
            ("w", Under::Template(domain)) => self.templates.push((*domain, text)),
            (kind @ ("a" | "a-"), Under::Question) => {
                let (first, second) = text.split_once(" / ").ok_or("answers are FIRST / SECOND")?;
                let words = [first.trim().to_owned(), second.trim().to_owned()];
                self.last()?.answers.push(Answers { words, reversed: kind == "a-" });
            }
            (kind, _) => return Err(format!("`{kind}` can't stand here")),
        }
        Ok(())
    }

    fn last(&mut self) -> Result<&mut Block, String> {
        self.questions.last_mut().ok_or_else(|| "a wording before the first question".to_owned())
    }

    /// The wordings that samara comes with.
    ///
    /// # Panics
    /// If their file is malformed: a test reads it.
    pub fn all() -> &'static Self {
        static ALL: OnceLock<Wordings> = OnceLock::new();
        ALL.get_or_init(|| match Self::parse(include_str!("material/questions.txt")) {
            Ok(all) => all,
            Err(what) => panic!("material/questions.txt: {what}"),
        })
    }

    /// A question about a property of a domain's texts, in any wording.
    ///
    /// # Panics
    /// If nobody asks for that property: a test asks for all of them.
    pub fn ask(&self, domain: Domain, property: Property, stream: &mut Stream) -> Asked {
        let fits =
            |block: &&Block| block.property == property && block.domain.is_none_or(|asked| asked == domain);
        let blocks: Vec<&Block> = self.questions.iter().filter(fits).collect();
        let total = blocks.iter().map(|block| block.wordings.len()).sum();
        let mut at = stream.below(total);
        for block in blocks {
            if at < block.wordings.len() {
                return asked(block, &block.wordings[at], stream);
            }
            at -= block.wordings.len();
        }
        unreachable!("the number is below the total")
    }

    /// The first wording of a question about a property of a domain's texts, with the positive answer first.
    ///
    /// # Panics
    /// If there is none: a test asks for all of them.
    pub fn first(&self, domain: Domain, property: Property) -> Asked {
        let fits =
            |block: &&Block| block.property == property && block.domain.is_none_or(|asked| asked == domain);
        let pair = |block: &Block| Some(block.answers.iter().find(|pair| !pair.reversed)?.words.clone());
        let found = self.questions.iter().filter(fits).find_map(|block| {
            let words = pair(block)?;
            let instruction = filled(&block.wordings[0], &words);
            Some(Asked { property, instruction, answers: words, reversed: false })
        });
        found.unwrap_or_else(|| panic!("no question about {property:?} of {domain:?}"))
    }

    /// A prompt that asks for a text of a domain.
    ///
    /// # Panics
    /// If there is none: a test asks for one of each.
    pub fn template(&self, domain: Domain, stream: &mut Stream) -> &str {
        let fitting: Vec<&str> =
            self.templates.iter().filter(|(of, _)| *of == domain).map(|(_, text)| text.as_str()).collect();
        fitting[stream.below(fitting.len())]
    }
}

fn asked(block: &Block, wording: &str, stream: &mut Stream) -> Asked {
    let Answers { words, reversed } = stream.choose(&block.answers).clone();
    let instruction = filled(wording, &words);
    Asked { property: block.property, instruction, answers: words, reversed }
}

fn filled(wording: &str, [first, second]: &[String; 2]) -> String {
    wording.replace("{first}", first).replace("{second}", second)
}

impl Foreign {
    /// Reads a file.
    ///
    /// # Errors
    /// The first line that can't be read, with its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        for (number, line) in lines(text) {
            let (kind, text) = line.split_once('|').ok_or_else(|| format!("line {number}: no bar"))?;
            let list = match kind.trim() {
                "template" => &mut all.templates,
                "question" => &mut all.questions,
                "text" => &mut all.texts,
                "known" => &mut all.known,
                other => {
                    let kinds = "template, question, text, known";
                    return Err(format!("line {number}: `{other}` is none of {kinds}"));
                }
            };
            list.push(text.trim().to_owned());
        }
        Ok(all)
    }

    /// What samara comes with.
    ///
    /// # Panics
    /// If the file is malformed: a test reads it.
    pub fn all() -> &'static Self {
        static ALL: OnceLock<Foreign> = OnceLock::new();
        ALL.get_or_init(|| match Self::parse(include_str!("material/foreign.txt")) {
            Ok(all) => all,
            Err(what) => panic!("material/foreign.txt: {what}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_stand_where_the_wording_names_them() {
        let text = "question ending stories\na | happy / sad\na- | sad / happy\nw | Is it {first} or {second}?\n\
                    template reviews\nw | A review:\n";
        let all = Wordings::parse(text).unwrap();
        let mut stream = Stream::new(1, 0);
        for _ in 0..20 {
            let asked = all.ask(Domain::ShortStory, Property::Ending, &mut stream);
            assert_eq!(asked.instruction, format!("Is it {} or {}?", asked.answers[0], asked.answers[1]));
            assert_eq!(asked.reversed, asked.answers[0] == "sad");
        }
        assert_eq!(all.template(Domain::MovieReviews, &mut stream), "A review:");
    }

    #[test]
    fn a_malformed_line_is_named_with_its_number() {
        for (bad, what) in [
            ("question ending", "line 1: a question without a domain"),
            ("question mood stories", "line 1: `mood` can't be asked"),
            ("question ending poems", "line 1: `poems` is no domain"),
            ("w | Is it good?", "line 1: `w` can't stand here"),
            ("question ending stories\na | happy", "line 2: answers are FIRST / SECOND"),
            ("question ending stories\na | happy / sad", "a block about Ending lacks wordings or answers"),
        ] {
            assert_eq!(Wordings::parse(bad).unwrap_err(), what, "{bad}");
        }
        assert_eq!(
            Foreign::parse("poem | x").unwrap_err(),
            "line 1: `poem` is none of template, question, text, known"
        );
    }
}
