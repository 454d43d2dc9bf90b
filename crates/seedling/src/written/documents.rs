//! Training documents of written material: few-shot prompts, questions about texts, and questions about prompts.

use crate::{
    Stream,
    corpus::{Document, Domain, LIMIT, Segment, Split, feedback_frame, probability},
};

use super::{
    compose::{Mood, ODDS, Written, axes, compose, held_out},
    faults::{Fault, spoil},
    labels::Property,
    material::{Entry, Material, filled},
    wordings::{Asked, Foreign, Wordings},
};

/// The loss weight of a template's tokens, which are nearly the same every time.
const TEMPLATE_WEIGHT: f32 = 0.1;
/// Texts that one question is asked about, and prompts that are asked about at once.
const TEXTS: usize = 6;
/// What questions are about, each as often as it stands here: of stories there is more to ask.
const ASKED: [Domain; 4] = [Domain::Opinions, Domain::ShortStory, Domain::ShortStory, Domain::MovieReviews];
/// The loss weight of what is said of a question.
const ASKS_WEIGHT: f32 = 8.0;
/// Texts of a document with marks, and the log-odds below which nothing is said.
const MARKED: usize = 8;
const SAID: f64 = 0.5;
/// What stands between a question and its answer.
const PREFIXES: [&str; 7] = ["\n", "\n", "\n", " \n", " \n", " ", ""];
/// Chance that a prompt's template is samara's own.
const OWN_TEMPLATE: f64 = 0.6;
/// Chance that a question is asked of a prompt: whether it belongs to a domain.
const OF_PROMPTS: f64 = 0.08;
/// Chance that a text asked about for what it says is typed carelessly.
const WORN: f64 = 0.35;
/// Words of a text that is spoiled, at least.
const LEAST_SPOILED: usize = 8;
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

/// A text with what is to be said of it in few words.
#[derive(Debug, Clone, PartialEq)]
pub struct Marked {
    /// The text.
    pub text: String,
    /// What is said of it, one after the other.
    pub marks: Vec<Mark>,
}

/// A property of a text: its name, and one of two answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The name as a heading.
    pub heading: String,
    /// The positive answer and the negative one.
    pub answers: [String; 2],
    /// The true probability of the positive answer.
    pub truth: f64,
}

/// The chances of kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chances {
    /// That a document is about texts rather than a prompt that shows some.
    pub judged: f64,
    /// That such a one has marks rather than a question.
    pub marks: f64,
    /// That a question is only said to be what it is.
    pub asks: f64,
    /// That a question is asked in any wording and frame rather than in its own.
    pub variety: f64,
}

/// A document of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Drawn {
    /// A few-shot prompt with its completion.
    Prompt(Document),
    /// A question.
    Question(Group),
    /// Texts with their marks.
    Marks(Vec<Marked>),
}

/// A document of any kind.
pub fn draw(split: Split, chances: Chances, stream: &mut Stream) -> Drawn {
    if !stream.chance(chances.judged) {
        return Drawn::Prompt(few_shot_document(*stream.choose(&Domain::ALL), split, stream));
    }
    let domain = *stream.choose(&ASKED);
    if stream.chance(chances.marks) {
        return Drawn::Marks((0..MARKED).map(|_| marked(domain, split, stream)).collect());
    }
    if stream.chance(chances.asks) {
        return Drawn::Prompt(what_is_asked(domain, stream));
    }
    Drawn::Question(if stream.chance(OF_PROMPTS) {
        about_prompts(split, stream)
    } else {
        question(domain, chances.variety, split, stream)
    })
}

/// What a text is marked with, and the answers; headings are the names.
fn marks_of(domain: Domain) -> &'static [(Property, &'static str, [&'static str; 2])] {
    use Property::{Ending, Friendship, Quality, Romance, Sentiment, Topic};
    match domain {
        Domain::ShortStory => &[
            (Friendship, "Relationship", ["friendship", "conflict"]),
            (Ending, "Ending", ["happy", "tragic"]),
            (Romance, "Genre", ["romance", "horror"]),
            (Topic, "Topic", ["yes", "no"]),
            (Quality, "Quality", ["good", "bad"]),
        ],
        Domain::Opinions | Domain::MovieReviews => &[
            (Sentiment, "Sentiment", ["positive", "negative"]),
            (Topic, "Topic", ["yes", "no"]),
            (Quality, "Quality", ["good", "bad"]),
        ],
    }
}

/// A question in any wording, and in few words what it asks for and which mark its first answer stands for: of questions
/// without texts, wordings are learnt sooner than of those with some.
fn what_is_asked(domain: Domain, stream: &mut Stream) -> Document {
    let (property, name, marks) = *stream.choose(marks_of(domain));
    let asked = Wordings::all().ask(domain, property, stream);
    let (before, _) = Frame::Block.around(&asked.instruction, stream);
    let mark = marks[usize::from(asked.reversed)];
    let question = Segment { text: before.replace("\n\n### Input:\n", "\n\n### Asks:"), weight: 0.0 };
    let told = format!("\n{name}: {} is {mark}", asked.answers[0]);
    Document { segments: vec![question, Segment { text: told, weight: ASKS_WEIGHT }], answer: None }
}

/// What stands before a marked text.
pub const MARKS_BEFORE: &str = "### Input:\n";

/// A text with its marks in any order: every property that something can be said of. A mark takes a few tokens where a
/// question takes fifty, so that most of what words are worth is learnt from these.
fn marked(domain: Domain, split: Split, stream: &mut Stream) -> Marked {
    let asked = stream.choose(marks_of(domain)).0;
    let text = judged_text(domain, asked, split, stream);
    let mut marks: Vec<Mark> = marks_of(domain)
        .iter()
        .filter(|(property, ..)| text.of(*property).abs() > SAID)
        .map(|(property, name, answers)| Mark {
            heading: format!("\n### {name}:"),
            answers: answers.map(|answer| format!(" {answer}")),
            truth: probability(text.of(*property)),
        })
        .collect();
    stream.shuffle(&mut marks);
    Marked { text: text.text, marks }
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

/// What is asked of a domain's texts in its own question, each as often as it stands here.
fn asked_for_most(domain: Domain) -> &'static [Property] {
    use Property::{Ending, Friendship, Quality, Romance, Sentiment, Topic};
    match domain {
        Domain::ShortStory => &[Friendship, Friendship, Ending, Ending, Romance, Quality],
        Domain::Opinions | Domain::MovieReviews => {
            &[Sentiment, Sentiment, Sentiment, Sentiment, Topic, Quality]
        }
    }
}

/// The one question about a property that is asked more often than any other: samara's own, or else the first that
/// was written, with the positive answer first.
pub fn own(domain: Domain, property: Property) -> Asked {
    let name = match property {
        Property::Sentiment => "sentiment",
        Property::Friendship => "friendship",
        Property::Ending => "ending",
        Property::Quality if domain == Domain::ShortStory => "quality",
        // The built-in question about the quality of opinions and reviews asks what they are about.
        Property::Topic if domain != Domain::ShortStory => "quality",
        _ => return Wordings::all().first(domain, property),
    };
    let found = domain.questions().iter().find(|question| question.name == name);
    found.map_or_else(
        || Wordings::all().first(domain, property),
        |question| Asked {
            property,
            instruction: question.instruction.to_owned(),
            answers: question.answers.map(str::to_owned),
            reversed: false,
        },
    )
}

/// One question about several texts of a domain: with the chance `variety` in any wording and frame, else its own.
pub fn question(domain: Domain, variety: f64, split: Split, stream: &mut Stream) -> Group {
    let any = stream.chance(variety);
    let property = *stream.choose(if any { asked_for(domain) } else { asked_for_most(domain) });
    let asked = if any { Wordings::all().ask(domain, property, stream) } else { own(domain, property) };
    let texts = (0..TEXTS)
        .map(|_| {
            let text = judged_text(domain, asked.property, split, stream);
            let odds = text.of(asked.property);
            (text.text, probability(if asked.reversed { -odds } else { odds }))
        })
        .collect();
    let frame = if any { *stream.choose(&Frame::OFTEN) } else { Frame::Block };
    let (before, behind) =
        if any { frame.around(&asked.instruction, stream) } else { own_frame(&asked.instruction) };
    let prefix = if any { *stream.choose(&PREFIXES) } else { "\n" };
    Group { before, behind, answers: asked.answers.map(|answer| format!("{prefix}{answer}")), texts }
}

/// What stands around a text in samara's own prompts.
fn own_frame(instruction: &str) -> (String, String) {
    let (before, behind) = feedback_frame(instruction);
    (before, behind.to_owned())
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
    let about_form = matches!(property, Property::Quality | Property::Topic | Property::Rating);
    if stream.chance(if about_form { 0.45 } else { 0.08 }) {
        if stream.chance(0.5)
            && let Some(entry) = of_split(&material.faults, split, stream)
        {
            return Written::of_entry(entry);
        }
        // What is spoiled must be long enough to be told from what it was.
        let text = Some(good_text(domain, split, stream))
            .filter(|text| text.text.split(' ').count() >= LEAST_SPOILED)
            .unwrap_or_else(|| compose(domain, None, &Mood::draw(domain, stream), split, stream));
        return spoil(domain, *stream.choose(&Fault::ALL), &text, split, stream);
    }
    let mut text = good_text(domain, split, stream);
    // What a text says survives careless typing; how good, long or formal it is does not.
    if axes(domain).contains(&property) && stream.chance(WORN) {
        text.text = worn(&text.text, stream);
    }
    text
}

/// A text that nothing was done to: composed, a piece, what people write, or lines alone. Short ones are many: of a
/// line that has one telling word, that word is learnt.
fn good_text(domain: Domain, split: Split, stream: &mut Stream) -> Written {
    let material = Material::of(domain);
    let found = match stream.unit() {
        chance if chance < 0.08 => of_split(&material.pieces, split, stream).map(Written::of_entry),
        chance if chance < 0.36 => of_split(&material.people, split, stream).map(Written::of_entry),
        chance if chance < 0.46 => line_alone(material, split, stream).map(Written::of_entry),
        chance if chance < 0.82 => slots(domain, split, stream),
        _ => None,
    };
    found.unwrap_or_else(|| compose(domain, None, &Mood::draw(domain, stream), split, stream))
}

fn line_alone<'a>(material: &'a Material, split: Split, stream: &mut Stream) -> Option<&'a Entry> {
    let thread = stream.choose(&material.threads);
    let lines = *stream.choose(&[&thread.openings, &thread.middles, &thread.middles, &thread.closes]);
    of_split(lines, split, stream)
}

/// A text with its label of one property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// The text.
    pub text: String,
    /// From -3 to 3, never 0.
    pub label: i8,
}

/// Every text and line of a domain that says something of a property, slots filled, in the order of the files; for
/// [`Property::Topic`] its texts beside those of others, for [`Property::Quality`] beside its bad ones.
pub fn labelled_texts(
    domain: Domain,
    property: Property,
    split: Split,
    stream: &mut Stream,
) -> Vec<Labelled> {
    match property {
        Property::Topic => return on_and_off_topic(domain, split),
        Property::Quality => return good_and_bad(domain, split),
        _ => {}
    }
    let material = Material::of(domain);
    let lines = material.threads.iter().flat_map(|thread| {
        [&thread.openings, &thread.middles, &thread.turns, &thread.closes].into_iter().flatten()
    });
    let whole = material.pieces.iter().chain(&material.people).chain(&material.slots);
    lines
        .chain(whole)
        .filter(|entry| entry.labels.of(property) != 0 && held_out(&entry.text) == (split == Split::HeldOut))
        .map(|entry| Labelled {
            text: filled(entry, material.draw_names(stream)),
            label: entry.labels.of(property),
        })
        .collect()
}

/// The whole texts of a domain, and those of the others and about anything else.
fn on_and_off_topic(domain: Domain, split: Split) -> Vec<Labelled> {
    let of_domain = |other: Domain| {
        let material = Material::of(other);
        let label = if other == domain { 1 } else { -1 };
        material.pieces.iter().chain(&material.people).map(move |entry| (entry.text.as_str(), label))
    };
    let foreign = Foreign::all().texts.iter().map(|text| (text.as_str(), -1));
    Domain::ALL
        .into_iter()
        .flat_map(of_domain)
        .chain(foreign)
        .filter(|(text, _)| held_out(text) == (split == Split::HeldOut))
        .map(|(text, label)| Labelled { text: text.to_owned(), label })
        .collect()
}

/// The whole texts of a domain, good and bad.
fn good_and_bad(domain: Domain, split: Split) -> Vec<Labelled> {
    let material = Material::of(domain);
    let good = material.pieces.iter().chain(&material.people).map(|entry| (entry, 1));
    let bad = material.faults.iter().map(|entry| (entry, -1));
    good.chain(bad)
        .filter(|(entry, _)| held_out(&entry.text) == (split == Split::HeldOut))
        .map(|(entry, label)| Labelled { text: entry.text.clone(), label })
        .collect()
}

/// One or two sentences with slots, on one side of the first property that the first of them says something of.
fn slots(domain: Domain, split: Split, stream: &mut Stream) -> Option<Written> {
    let material = Material::of(domain);
    let side = |entry: &Entry| {
        axes(domain).iter().map(|axis| (*axis, entry.labels.of(*axis).signum())).find(|(_, side)| *side != 0)
    };
    let first = of_split(&material.slots, split, stream)?;
    let mut chosen = vec![first];
    for _ in 0..stream.below(4) / 2 {
        let next = of_split(&material.slots, split, stream)?;
        if side(next) == side(first) && !chosen.contains(&next) {
            chosen.push(next);
        }
    }
    let names = material.draw_names(stream);
    let text = chosen.iter().map(|entry| filled(entry, names)).collect::<Vec<String>>().join(" ");
    let mut written = Written::of_entry(&Entry { labels: first.labels, text, astray: false });
    for (at, odds) in written.odds.iter_mut().enumerate() {
        let label = |entry: &&Entry| f64::from(entry.labels.of(Property::LABELLED[at]));
        *odds = (ODDS * chosen.iter().map(label).sum::<f64>() / chosen.len() as f64).clamp(-LIMIT, LIMIT);
    }
    Some(written)
}

/// A text as careless people type it: words left out, no capitals, no stops.
fn worn(text: &str, stream: &mut Stream) -> String {
    let dropped = *stream.choose(&[0.0, 0.05, 0.1, 0.15]);
    let kept: Vec<&str> = text.split(' ').filter(|_| !stream.chance(dropped)).collect();
    let mut text = kept.join(" ");
    if stream.chance(0.4) {
        text = text.to_lowercase();
    }
    if stream.chance(0.2) {
        text.retain(|letter| !matches!(letter, '.' | ',' | '!' | ';' | ':'));
    }
    text
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
    let known = &Foreign::all().known;
    if stream.chance(0.4) && !known.is_empty() {
        return stream.choose(known).clone();
    }
    let domain = *stream.choose(&Domain::ALL);
    if stream.chance(0.35) {
        return if stream.chance(0.2) {
            domain.template().to_owned()
        } else {
            Wordings::all().template(domain, stream).to_owned()
        };
    }
    let property = *stream.choose(asked_for(domain));
    if stream.chance(0.15) {
        return own(domain, property).instruction;
    }
    Wordings::all().ask(domain, property, stream).instruction
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
