//! Training documents of written material: few-shot prompts, questions about texts, and questions about prompts.

use crate::{
    Stream,
    corpus::{Document, Domain, Segment, Split, probability},
};

use super::{
    compose::{Mood, ODDS, Written, axes, compose, held_out},
    faults::{Fault, spoil},
    labels::Property,
    material::{Entry, Material},
    wordings::{Asked, Foreign, Wordings},
};

/// The loss weight of a template's tokens, which are nearly the same every time.
const TEMPLATE_WEIGHT: f32 = 0.1;
/// Texts that one question is asked about, and prompts that are asked about at once.
const TEXTS: usize = 6;
/// What stands between a question and its answer.
const PREFIXES: [&str; 7] = ["\n", "\n", "\n", " \n", " \n", " ", ""];
/// Chance that a question has samara's own wording, and that a prompt's template is samara's own.
const OWN: f64 = 0.3;
const OWN_TEMPLATE: f64 = 0.6;
/// Chance that a question is asked of a prompt: whether it belongs to a domain.
const OF_PROMPTS: f64 = 0.08;
/// How far the labels of a prompt's texts spread, among texts of a kind and of all kinds.
const NARROW: f64 = 0.5;
const WIDE: f64 = 1.5;
/// Chance that the next text of a prompt is of a thread that one before it is of.
const SAME_THREAD: f64 = 0.6;

/// One question about several texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What comes before each text.
    pub before: String,
    /// What comes after it, up to the answer.
    pub behind: String,
    /// Both answers, with what comes before them.
    pub answers: [String; 2],
    /// The texts, and the true probability of the first answer for each.
    pub texts: Vec<(String, f64)>,
}

/// A document of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Drawn {
    /// A few-shot prompt with its completion.
    Prompt(Document),
    /// A question.
    Question(Group),
}

/// A document: a question with the chance `judged`.
pub fn draw(split: Split, judged: f64, stream: &mut Stream) -> Drawn {
    let domain = *stream.choose(&Domain::ALL);
    if !stream.chance(judged) {
        return Drawn::Prompt(few_shot_document(domain, split, stream));
    }
    Drawn::Question(if stream.chance(OF_PROMPTS) {
        about_prompts(split, stream)
    } else {
        question(domain, split, stream)
    })
}

/// Texts that have much in common, in the order of a few-shot prompt: between one and five.
pub fn few_shot_texts(domain: Domain, split: Split, stream: &mut Stream) -> Vec<Written> {
    let shared = Mood::draw(domain, stream);
    let count = [1, 2, 3, 3, 4, 4, 4, 4, 4, 5][stream.below(10)];
    let spread = if stream.chance(0.15) { WIDE } else { NARROW };
    let mut texts: Vec<Written> = Vec::with_capacity(count);
    let mut wanted: Vec<[f64; 4]> = Vec::with_capacity(count);
    while texts.len() < count {
        // The next text is near the mean of those before it.
        let mean = |at: usize| match wanted.len() {
            0 => shared.wanted[at],
            many => wanted.iter().map(|wanted| wanted[at]).sum::<f64>() / many as f64,
        };
        let mut mood = shared;
        for (at, wanted) in mood.wanted.iter_mut().enumerate() {
            *wanted = (mean(at) + spread * stream.normal()).clamp(-3.0, 3.0);
        }
        mood.lines =
            (shared.lines + usize::from(stream.chance(0.3))).saturating_sub(usize::from(stream.chance(0.3)));
        mood.lines = mood.lines.clamp(2, 5);
        let text = next_text(domain, &mood, &texts, split, stream);
        if texts.iter().all(|other| other.text != text.text) {
            wanted.push(mood.wanted);
            texts.push(text);
        }
    }
    texts
}

fn next_text(domain: Domain, mood: &Mood, before: &[Written], split: Split, stream: &mut Stream) -> Written {
    let pieces = &Material::of(domain).pieces;
    if stream.chance(0.2) {
        let miss = |text: &Written| {
            let axis = |(at, _): (usize, &Property)| (text.odds[at] / ODDS - mood.wanted[at]).abs();
            Property::LABELLED[..4]
                .iter()
                .enumerate()
                .filter(|(_, of)| axes(domain).contains(of))
                .map(axis)
                .sum()
        };
        let fitting = (0..12)
            .filter_map(|_| of_split(pieces, split, stream))
            .map(Written::of_entry)
            .map(|text| (miss(&text), text))
            .min_by(|a: &(f64, Written), b| a.0.total_cmp(&b.0));
        if let Some((_, text)) =
            fitting.filter(|(miss, text)| *miss < 1.5 * axes(domain).len() as f64 && text.quality > 0.0)
        {
            return text;
        }
    }
    let threads: Vec<usize> = before.iter().filter_map(|text| text.thread).collect();
    let thread =
        if !threads.is_empty() && stream.chance(SAME_THREAD) { Some(*stream.choose(&threads)) } else { None };
    compose(domain, thread, mood, split, stream)
}

/// An entry of a split; none if a few draws find none.
fn of_split<'a>(entries: &'a [Entry], split: Split, stream: &mut Stream) -> Option<&'a Entry> {
    (0..20).map(|_| stream.choose(entries)).find(|entry| held_out(&entry.text) == (split == Split::HeldOut))
}

/// A few-shot document: as a prompt of its texts, and ending behind the last of them.
pub fn few_shot_document(domain: Domain, split: Split, stream: &mut Stream) -> Document {
    let template = if stream.chance(OWN_TEMPLATE) {
        domain.template().to_owned()
    } else {
        Wordings::all().template(domain, stream).to_owned()
    };
    let join = *stream.choose(&["\n", "\n", "\n", "\n", "\n", " ", ""]);
    let mut segments = Vec::new();
    for text in few_shot_texts(domain, split, stream) {
        segments.push(Segment { text: template.clone(), weight: TEMPLATE_WEIGHT });
        segments.push(Segment { text: format!("{join}{}\n###\n", text.text), weight: 1.0 });
    }
    Document { segments, answer: None }
}

/// What can be asked about a domain's texts, each as often as it stands here.
fn asked_for(domain: Domain) -> &'static [Property] {
    use Property::{Ending, Formality, Friendship, Length, Quality, Rating, Romance, Sentiment, Topic};
    match domain {
        Domain::ShortStory => &[
            Friendship, Friendship, Friendship, Ending, Ending, Ending, Romance, Romance, Romance, Quality,
            Quality, Quality, Quality, Topic, Topic, Rating, Length, Formality,
        ],
        Domain::Opinions | Domain::MovieReviews => &[
            Sentiment, Sentiment, Sentiment, Sentiment, Sentiment, Sentiment, Quality, Quality, Topic, Topic,
            Topic, Rating, Length, Formality,
        ],
    }
}

/// samara's own question about a property, if it has one.
fn own(domain: Domain, property: Property) -> Option<Asked> {
    let name = match property {
        Property::Sentiment => "sentiment",
        Property::Friendship => "friendship",
        Property::Ending => "ending",
        Property::Quality => "quality",
        _ => return None,
    };
    let question = domain.questions().iter().find(|question| question.name == name)?;
    let answers = question.answers.map(str::to_owned);
    // The question about opinions asks what they are about.
    let property = match (domain, property) {
        (Domain::Opinions | Domain::MovieReviews, Property::Quality) => Property::Topic,
        _ => property,
    };
    Some(Asked { property, instruction: question.instruction.to_owned(), answers, reversed: false })
}

/// One question about several texts of a domain, in any wording and frame.
pub fn question(domain: Domain, split: Split, stream: &mut Stream) -> Group {
    let property = *stream.choose(asked_for(domain));
    let mine = if stream.chance(OWN) { own(domain, property) } else { None };
    let is_mine = mine.is_some();
    let asked = mine.unwrap_or_else(|| Wordings::all().ask(domain, property, stream));
    let texts = (0..TEXTS)
        .map(|_| {
            let text = judged_text(domain, asked.property, split, stream);
            let odds = text.of(asked.property);
            (text.text, probability(if asked.reversed { -odds } else { odds }))
        })
        .collect();
    let frame = if is_mine { Frame::Block } else { *stream.choose(&Frame::OFTEN) };
    let (before, behind) = frame.around(&asked.instruction, stream);
    let prefix = if is_mine { "\n" } else { *stream.choose(&PREFIXES) };
    Group { before, behind, answers: asked.answers.map(|answer| format!("{prefix}{answer}")), texts }
}

/// How an instruction stands around a text.
#[derive(Debug, Clone, Copy)]
enum Frame {
    /// Headings with a line each.
    Block,
    /// Headings on the lines of what they head.
    Lines,
    /// The instruction, the text, and a word that asks for the answer.
    Plain,
    /// The text first.
    TextFirst,
}

impl Frame {
    const OFTEN: [Self; 8] = [
        Self::Block,
        Self::Block,
        Self::Block,
        Self::Block,
        Self::Block,
        Self::Lines,
        Self::Plain,
        Self::TextFirst,
    ];

    fn around(self, instruction: &str, stream: &mut Stream) -> (String, String) {
        let suffix = match stream.below(8) {
            0 => " Please respond with a single word only.",
            1 => " Answer with one word.",
            _ => "",
        };
        match self {
            Self::Block => (
                format!("### Instruction:\n{instruction}{suffix}\n\n### Input:\n"),
                "\n\n### Response:".to_owned(),
            ),
            Self::Lines => {
                (format!("### Instruction: {instruction}{suffix}\n### Input: "), "\n### Response:".to_owned())
            }
            Self::Plain => (format!("{instruction}{suffix}\n\n"), "\n\nAnswer:".to_owned()),
            Self::TextFirst => {
                ("Text: ".to_owned(), format!("\n\nQuestion: {instruction}{suffix}\n\nAnswer:"))
            }
        }
    }
}

/// A text, clean or bad, about which a judge is asked.
pub fn judged_text(domain: Domain, property: Property, split: Split, stream: &mut Stream) -> Written {
    let material = Material::of(domain);
    let bad = match property {
        Property::Quality | Property::Topic | Property::Rating => 0.45,
        _ => 0.08,
    };
    if stream.chance(bad) {
        if stream.chance(0.35)
            && let Some(entry) = of_split(&material.faults, split, stream)
        {
            return Written::of_entry(entry);
        }
        let text = good_text(domain, split, stream);
        return spoil(domain, *stream.choose(&Fault::ALL), &text, split, stream);
    }
    good_text(domain, split, stream)
}

/// A text that nothing was done to: composed, a piece, what people write, or a line alone.
fn good_text(domain: Domain, split: Split, stream: &mut Stream) -> Written {
    let material = Material::of(domain);
    let whole = match stream.unit() {
        chance if chance < 0.15 => of_split(&material.pieces, split, stream),
        chance if chance < 0.45 => of_split(&material.people, split, stream),
        chance if chance < 0.60 => {
            let thread = stream.choose(&material.threads);
            let lines = *stream.choose(&[&thread.openings, &thread.middles, &thread.middles, &thread.closes]);
            of_split(lines, split, stream)
        }
        _ => None,
    };
    whole.map_or_else(|| compose(domain, None, &Mood::draw(domain, stream), split, stream), Written::of_entry)
}

/// What prompts are asked: whether they belong to a domain of this model.
pub fn about_prompts(split: Split, stream: &mut Stream) -> Group {
    let texts = (0..TEXTS)
        .map(|_| {
            let known = stream.chance(0.5);
            (prompt_of(known, split, stream), if known { 0.995 } else { 0.005 })
        })
        .collect();
    let (before, behind) = subject_frame();
    Group {
        before: before.to_owned(),
        behind: behind.to_owned(),
        answers: SUBJECT_ANSWERS.map(str::to_owned),
        texts,
    }
}

/// What stands around a prompt that is asked about, and the answers.
pub const fn subject_frame() -> (&'static str, &'static str) {
    ("### Prompt:\n", "\n\n### Known:")
}

/// Whether a prompt belongs to a domain.
pub const SUBJECT_ANSWERS: [&str; 2] = ["\nyes", "\nno"];

/// A prompt that belongs to a domain, or to none.
pub fn prompt_of(known: bool, split: Split, stream: &mut Stream) -> String {
    loop {
        let prompt = if known { known_prompt(stream) } else { foreign_prompt(stream) };
        if held_out(&prompt) == (split == Split::HeldOut) {
            return prompt;
        }
    }
}

fn known_prompt(stream: &mut Stream) -> String {
    let domain = *stream.choose(&Domain::ALL);
    if stream.chance(0.35) {
        return if stream.chance(0.2) {
            domain.template().to_owned()
        } else {
            Wordings::all().template(domain, stream).to_owned()
        };
    }
    let property = *stream.choose(asked_for(domain));
    let mine = if stream.chance(0.15) { own(domain, property) } else { None };
    mine.unwrap_or_else(|| Wordings::all().ask(domain, property, stream)).instruction
}

/// A prompt about something else: a written one, or a known one whose subject is swapped.
fn foreign_prompt(stream: &mut Stream) -> String {
    let foreign = Foreign::all();
    let lists = [&foreign.templates, &foreign.questions];
    let list = stream.choose(&lists);
    if stream.chance(0.6) {
        return stream.choose(list).clone();
    }
    let known = known_prompt(stream);
    let swapped = swap_subject(&known, stream);
    if swapped == known { stream.choose(list).clone() } else { swapped }
}

/// What a domain's prompts speak of, longest first, and what others speak of.
const SUBJECTS: [&str; 12] = [
    "vegetables and plant-based foods",
    "vegetables and plant-based food",
    "plant-based foods",
    "plant-based food",
    "vegetables",
    "the movie \"Die Hard\"",
    "the film \"Die Hard\"",
    "\"Die Hard\"",
    "Die Hard",
    "a suspicious spy and a rich politician",
    "the spy and the politician",
    "spy",
];
const OTHER_SUBJECTS: [&str; 24] = [
    "electric cars",
    "hotels in Spain",
    "mobile phones",
    "the ocean",
    "a knight and a dragon",
    "two brothers",
    "football",
    "the novel \"Emma\"",
    "the film \"Titanic\"",
    "running shoes",
    "online banking",
    "cats and dogs",
    "a new laptop",
    "jazz music",
    "school uniforms",
    "space travel",
    "a pizza restaurant",
    "the weather",
    "a detective and a thief",
    "\"Star Wars\"",
    "home office work",
    "tax law",
    "Python code",
    "a train journey",
];

fn swap_subject(prompt: &str, stream: &mut Stream) -> String {
    let found = SUBJECTS.iter().find(|subject| prompt.contains(**subject));
    found.map_or_else(
        || prompt.to_owned(),
        |subject| prompt.replace(subject, OTHER_SUBJECTS[stream.below(OTHER_SUBJECTS.len())]),
    )
}
