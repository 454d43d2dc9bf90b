//! A text from a thread: lines that agree with a mood and with each other, and what the text is worth.

use crate::{
    Stream,
    corpus::{Domain, LIMIT, Split},
};

use super::{
    labels::{Labels, Property},
    material::{Entry, Material, Thread},
};

/// Log-odds of a whole text per step of its lines' mean label: lines of 3 alone reach the last cell.
pub(super) const ODDS: f64 = 2.1;
/// The same for what plot lines, of which stories have most, say nothing about.
const ODDS_IN_PLOTS: f64 = 2.6;
/// Log-odds of quality by the number of lines, and what a weak line costs.
const BY_LINES: [f64; 6] = [-2.0, 0.8, 2.2, 3.2, 3.9, 4.3];
const WEAK: f64 = 1.7;
/// How much a line without a label counts beside one that has one.
const SILENT: f64 = 0.2;
/// How much the last line counts for the ending, in lines.
const LAST: f64 = 3.0;
/// One choice of lines in so many is held out from training.
const HELD_OUT: u64 = 8;
/// Threads that are tried for a mood before it gives way.
const TRIES: usize = 40;

/// What a text is to be like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mood {
    /// Wanted labels of sentiment, friendship, ending and romance, from -3 to 3; those that a domain lacks don't matter.
    pub wanted: [f64; 4],
    /// Chance that a weak line is let in.
    pub weak: f64,
    /// Lines, from 1 to 5; fewer where they would be too long.
    pub lines: usize,
}

/// What a domain's texts differ in.
pub fn axes(domain: Domain) -> &'static [Property] {
    match domain {
        Domain::ShortStory => &[Property::Friendship, Property::Ending, Property::Romance],
        Domain::Opinions | Domain::MovieReviews => &[Property::Sentiment],
    }
}

/// Words of a text at most: what fits the tokens of the built-in experiments.
pub fn longest(domain: Domain) -> usize {
    match domain {
        Domain::ShortStory => 80,
        Domain::Opinions | Domain::MovieReviews => 42,
    }
}

impl Mood {
    /// The mood of a text that stands alone.
    pub fn draw(domain: Domain, stream: &mut Stream) -> Self {
        let lines = match domain {
            Domain::ShortStory => [2, 3, 3, 4, 4, 4, 4, 5, 5, 5],
            Domain::Opinions | Domain::MovieReviews => [2, 3, 3, 3, 3, 3, 3, 4, 4, 4],
        };
        let lines = *stream.choose(&lines);
        let mut mood = Self { wanted: [0.0; 4], weak: 0.1, lines };
        for wanted in &mut mood.wanted {
            *wanted = stream.uniform(-3.3, 3.3).clamp(-3.0, 3.0);
        }
        mood
    }

    fn of(&self, property: Property) -> f64 {
        Property::LABELLED
            .iter()
            .zip(self.wanted)
            .find(|(known, _)| **known == property)
            .map_or(0.0, |of| of.1)
    }
}

/// A text, and what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The text, one paragraph.
    pub text: String,
    /// Which of its domain's threads it is of; none for a piece.
    pub thread: Option<usize>,
    /// Log-odds of sentiment, friendship, ending and romance.
    pub odds: [f64; 4],
    /// Log-odds of quality.
    pub quality: f64,
    /// Log-odds that it is about what it should be about.
    pub topic: f64,
}

impl Written {
    /// A whole text with its labels.
    pub fn of_entry(entry: &Entry) -> Self {
        let label = |property| f64::from(entry.labels.of(property));
        let lines = entry.text.split_inclusive(['.', '!', '?']).filter(|line| line.trim().len() > 2).count();
        // A bad text says less about everything else.
        let (quality, topic, kept) = match entry.labels.of(Property::Quality) {
            -3 => (-5.5, -1.5, 0.5),
            -2 => (-3.2, 0.5, 0.8),
            -1 => (-0.8, 2.0, 1.0),
            _ => (BY_LINES[lines.clamp(1, 5)], 4.5, 1.0),
        };
        // Nonsense in the subject's words is nearer to it than what is about something else.
        let topic = if entry.astray { -5.0 } else { topic };
        let mut odds = [0.0; 4];
        for (odds, property) in odds.iter_mut().zip(Property::LABELLED) {
            *odds = (ODDS * kept * label(property)).clamp(-LIMIT, LIMIT);
        }
        Self { text: entry.text.clone(), thread: None, odds, quality, topic }
    }

    /// Log-odds of a property. Length, formality and rating follow from the text and its quality.
    pub fn of(&self, property: Property) -> f64 {
        match property {
            Property::Sentiment => self.odds[0],
            Property::Friendship => self.odds[1],
            Property::Ending => self.odds[2],
            Property::Romance => self.odds[3],
            Property::Quality | Property::Rating => self.quality,
            Property::Topic => self.topic,
            Property::Length => (self.text.split_whitespace().count() as f64 - 30.0) / 6.0,
            Property::Formality => formality(&self.text),
        }
        .clamp(-LIMIT, LIMIT)
    }
}

/// How formal a text looks: long words and whole forms for it, contractions, exclamations and small letters against.
fn formality(text: &str) -> f64 {
    let words = text.split_whitespace().count().max(1) as f64;
    let long = text.split_whitespace().filter(|word| word.trim_end_matches(['.', ',']).len() >= 9).count();
    let casual = text.matches(['\'', '!']).count();
    let begins_small = text.chars().next().is_some_and(char::is_lowercase);
    let rate = |count: usize| 10.0 * count as f64 / words;
    0.3 + 1.2 * rate(long) - 2.0 * rate(casual) - if begins_small { 3.0 } else { 0.0 }
}

/// A text of a domain near a mood, of the given thread if that has one.
pub fn compose(
    domain: Domain,
    thread: Option<usize>,
    mood: &Mood,
    split: Split,
    stream: &mut Stream,
) -> Written {
    let threads = &Material::of(domain).threads;
    let mut mood = *mood;
    let mut at = thread.unwrap_or_else(|| stream.below(threads.len()));
    for attempt in 1.. {
        if let Some(text) = attempt_of(domain, (at, &threads[at]), &mood, split, stream) {
            return text;
        }
        if attempt % 4 == 0 {
            at = stream.below(threads.len());
            mood.lines = (mood.lines - 1).max(1);
        }
        if attempt % TRIES == 0 {
            mood.wanted = mood.wanted.map(|wanted| 0.5 * wanted);
        }
        assert!(attempt < 100 * TRIES, "no text of {domain:?} fits {mood:?}");
    }
    unreachable!("the loop ends by a text")
}

/// The sides that lines may be on: a sign for each axis.
type Sides = [f64; 4];

/// One attempt: none where lines that agree are lacking, or the text is too long or not of the split.
fn attempt_of(
    domain: Domain,
    (at, thread): (usize, &Thread),
    mood: &Mood,
    split: Split,
    stream: &mut Stream,
) -> Option<Written> {
    let axes = axes(domain);
    let mut chooser = Chooser { axes, mood, sides: sides(mood, stream), weak: stream.chance(mood.weak) };
    let mut lines: Vec<&Entry> = vec![chooser.choose(&thread.openings, &[], stream)?];
    let between = mood.lines.saturating_sub(2);
    for _ in 0..between {
        lines.push(chooser.choose(&thread.middles, &lines, stream)?);
    }
    if turns(axes, mood, stream) {
        let turn = chooser.turn(&thread.turns, stream)?;
        lines.push(turn);
    }
    if mood.lines > 1 {
        lines.push(chooser.choose(&thread.closes, &lines, stream)?);
    }
    let text = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join(" ");
    let words = text.split_whitespace().count();
    let fits = words <= longest(domain) && (held_out(&text) == (split == Split::HeldOut));
    fits.then(|| worth(at, text, &lines))
}

/// Whether a text is never shown in training: by its own letters, so that it is the same in every document.
pub fn held_out(text: &str) -> bool {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32).is_multiple_of(HELD_OUT)
}

fn sides(mood: &Mood, stream: &mut Stream) -> Sides {
    mood.wanted
        .map(|wanted| if (wanted + 0.6 * stream.normal()) >= 0.0 { 1.0 } else { -1.0 })
        .map(f64::signum)
}

/// A turn is for texts that want to be between the sides, and now and then for others.
fn turns(axes: &[Property], mood: &Mood, stream: &mut Stream) -> bool {
    let middling = axes.iter().any(|axis| mood.of(*axis).abs() < 1.2);
    mood.lines > 1 && stream.chance(if middling { 0.3 } else { 0.04 })
}

/// Chooses lines that agree.
struct Chooser<'a> {
    axes: &'a [Property],
    mood: &'a Mood,
    sides: Sides,
    /// Whether a weak line may still come.
    weak: bool,
}

impl Chooser<'_> {
    /// A line that none of the others is, on the text's side, the likelier the nearer it is to the mood.
    fn choose<'a>(&mut self, from: &'a [Entry], others: &[&Entry], stream: &mut Stream) -> Option<&'a Entry> {
        let weights: Vec<f64> = from
            .iter()
            .map(|entry| if others.contains(&entry) { 0.0 } else { self.weight(entry.labels) })
            .collect();
        let chosen = drawn(from, &weights, stream)?;
        self.weak &= chosen.labels.of(Property::Quality) >= 0;
        Some(chosen)
    }

    /// A turn to another side on an axis at least; lines after it are on that side.
    fn turn<'a>(&mut self, from: &'a [Entry], stream: &mut Stream) -> Option<&'a Entry> {
        let flips = |entry: &Entry| {
            self.axes.iter().any(|axis| f64::from(entry.labels.of(*axis)) * self.side(*axis) < 0.0)
        };
        let weights: Vec<f64> = from.iter().map(|entry| f64::from(u8::from(flips(entry)))).collect();
        let chosen = drawn(from, &weights, stream)?;
        for (side, property) in self.sides.iter_mut().zip(Property::LABELLED) {
            let label = f64::from(chosen.labels.of(property));
            if label != 0.0 {
                *side = label.signum();
            }
        }
        Some(chosen)
    }

    fn side(&self, property: Property) -> f64 {
        Property::LABELLED
            .iter()
            .zip(self.sides)
            .find(|(known, _)| **known == property)
            .map_or(1.0, |of| of.1)
    }

    fn weight(&self, labels: Labels) -> f64 {
        if labels.of(Property::Quality) < 0 && !self.weak {
            return 0.0;
        }
        let mut miss = 0.0;
        for axis in self.axes {
            let label = f64::from(labels.of(*axis));
            if label * self.side(*axis) < 0.0 {
                return 0.0;
            }
            // After a turn the mood's strength holds on the other side.
            let wanted = self.mood.of(*axis).abs() * self.side(*axis);
            miss += if label == 0.0 { 0.5 * wanted.abs() } else { (label - wanted).abs() };
        }
        libm::exp(-1.1 * miss)
    }
}

fn drawn<'a>(from: &'a [Entry], weights: &[f64], stream: &mut Stream) -> Option<&'a Entry> {
    let mut left = stream.unit() * weights.iter().sum::<f64>();
    let mut last = None;
    for (entry, weight) in from.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
        last = Some(entry);
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last
}

/// What a text of these lines is worth.
fn worth(thread: usize, text: String, lines: &[&Entry]) -> Written {
    let mut odds = [0.0; 4];
    for (odds, property) in odds.iter_mut().zip(Property::LABELLED) {
        let step = match property {
            Property::Friendship | Property::Romance => ODDS_IN_PLOTS,
            _ => ODDS,
        };
        *odds = (step * mean(lines, property)).clamp(-LIMIT, LIMIT);
    }
    let weak = lines.iter().filter(|line| line.labels.of(Property::Quality) < 0).count();
    let words = text.split_whitespace().count() as f64;
    let quality =
        BY_LINES[lines.len().min(5)] - WEAK * weak as f64 + ((words - 25.0) / 25.0).clamp(-0.7, 0.7);
    Written { text, thread: Some(thread), odds, quality, topic: 4.8 - weak as f64 }
}

/// The mean label of lines; those without one count less, and for the ending the last line counts most.
fn mean(lines: &[&Entry], property: Property) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (at, line) in lines.iter().enumerate() {
        let label = f64::from(line.labels.of(property));
        let silent = if property == Property::Ending { 0.1 } else { SILENT };
        let place = if property == Property::Ending && at + 1 == lines.len() { LAST } else { 1.0 };
        let weight = if label == 0.0 { silent } else { place };
        sum += weight * label;
        weights += weight;
    }
    if weights == 0.0 { 0.0 } else { sum / weights }
}
