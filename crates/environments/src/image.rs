//! `image`: programs that draw. A program's `draw()` returns a picture of 32 x 32 pixels; it is measured by its mean
//! red, green and blue, and the objective is how near the picture comes to a yellow disc.
//!
//! The domain of the reference system, with its objective on the scale of the colours: minus the sum over all pixels
//! and channels of the absolute difference to the target, 0 for the disc itself and -783,360 at worst.

use std::{path::Path, sync::Arc};

use samara_engine::{Context, Environment, Future, Invalid, Operator, Outcome, Plan, Roles, State, decode};
use samara_qd::Stream;
use samara_sandbox::Value;
use serde::{Deserialize, Serialize};

use crate::{
    Parts, expect_axes,
    program::{self, Bad, Format, Phrases, Writer, WritingSettings, outcome, unscored},
};

/// Its name in `experiment.environment`.
pub const NAME: &str = "image";

/// Pixels of a side.
const SIDE: usize = 32;
/// Red, green, blue.
const CHANNELS: usize = 3;
/// The largest value of a channel.
const BRIGHT: f64 = 255.0;
/// The disc's radius in pixels.
const RADIUS: f64 = 10.0;
/// The function that draws.
const ENTRY: &str = "draw";

/// The programs that a search begins with.
const SEEDS: [&str; 3] =
    [include_str!("image/square.py"), include_str!("image/stripes.py"), include_str!("image/slope.py")];

/// What the generator is told.
const PREAMBLE: &str =
    "# draw() returns a picture: a list of 32 rows of 32 pixels, each [red, green, blue] from 0 to 255.";

/// The `[environment]` section.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A file with a program that defines `draw()`, to begin with in place of the built-in ones; a relative path
    /// starts at the experiment's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed_path: Option<String>,
    /// How the generator is asked for programs.
    pub writing: WritingSettings,
}

struct Image {
    writer: Writer,
    seeds: Vec<Arc<str>>,
}

/// Builds it, reading the seed.
pub(crate) fn build(parts: &Parts<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    let settings: Settings = decode(parts.section, "environment")?;
    expect_axes(parts.axes, CHANNELS, "environment `image` (mean red, green and blue)")?;
    let seeds = match &settings.seed_path {
        Some(path) => vec![read_seed(path, parts.folder)?],
        None => SEEDS.iter().map(|seed| Arc::from(*seed)).collect(),
    };
    let operator = parts.operator.unwrap_or(Operator::Prompt);
    let writer = Writer::new(operator, settings.writing, format())?;
    Ok(Arc::new(Image { writer, seeds }))
}

fn read_seed(path: &str, folder: &Path) -> Result<Arc<str>, Invalid> {
    let file = folder.join(path);
    let bad = |what: String, hint: &str| Invalid::new("environment.seed_path", what, hint);
    let text = std::fs::read_to_string(&file).map_err(|error| {
        let hint = "a file with a program; a relative path starts at the experiment's file";
        bad(format!("can't read {}: {error}", file.display()), hint)
    })?;
    if !text.contains("def draw(") {
        return Err(bad(format!("{} does not define draw()", file.display()), "write `def draw():` in it"));
    }
    Ok(text.into())
}

fn format() -> Format {
    let messages =
        ["Draw a yellow disc.", "Change what draw() draws.", "Change the shape.", "Change the colour."];
    Format {
        preamble: PREAMBLE.to_owned(),
        header: format!("def {ENTRY}():\n"),
        functions: vec![ENTRY.to_owned()],
        phrases: Phrases::about("draw(), which draws a yellow disc"),
        file: "draw.py".to_owned(),
        messages: messages.map(str::to_owned).to_vec(),
        ..Format::default()
    }
}

impl Environment for Image {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        self.writer.roles()
    }

    fn create(&self, _state: &State, stream: &mut Stream) -> Plan {
        self.writer.seeded(&self.seeds, stream)
    }

    fn vary(&self, state: &State, stream: &mut Stream) -> Option<Plan> {
        self.writer.varied(state, stream)
    }

    fn live<'a>(&'a self, plan: Plan, context: &'a mut Context) -> Future<'a, Outcome> {
        Box::pin(async move {
            let text = match self.writer.write(&plan, context).await? {
                Ok(text) => text,
                Err(bad) => return Ok(unscored(bad, None)),
            };
            let job = context.job(&*text, ENTRY)?;
            let drawn = program::run::value(job, context).await?;
            let picture = drawn.map_err(|bad| bad.of("draw()")).and_then(|value| pixels(&value));
            Ok(outcome(text, picture.map(|picture| (means(&picture), nearness(&picture)))))
        })
    }
}

/// The numbers of a picture, pixel by pixel: a nested list or tuple, or an array of that shape.
fn pixels(value: &Value) -> Result<Vec<f64>, Bad> {
    let mut numbers = Vec::with_capacity(SIDE * SIDE * CHANNELS);
    let shape = [SIDE, SIDE, CHANNELS];
    match value {
        Value::Array(array) => {
            let sides: Vec<u64> = shape.iter().map(|side| *side as u64).collect();
            if array.shape() != sides {
                return Err(Bad::invalid(format!("draw() returned an array of shape {:?}", array.shape())));
            }
            let read = array.to_f64().ok_or_else(|| Bad::invalid("draw() returned complex numbers"))?;
            numbers.extend(read);
        }
        nested => flatten(nested, &shape, &mut numbers)?,
    }
    match numbers.iter().find(|number| !(0.0..=BRIGHT).contains(*number)) {
        Some(number) => Err(Bad::invalid(format!("draw() returned the value {number}, not 0 to 255"))),
        None => Ok(numbers),
    }
}

fn flatten(value: &Value, shape: &[usize], numbers: &mut Vec<f64>) -> Result<(), Bad> {
    let what = || Bad::invalid(format!("draw() returned no {SIDE} x {SIDE} x {CHANNELS} numbers"));
    match (value, shape) {
        (Value::Int(int), []) => {
            // A number beyond 64 bits is beyond 255 as well.
            numbers.push(int.to_i64().map_or(f64::INFINITY, |number| number as f64));
            Ok(())
        }
        (Value::Float(number), []) => {
            numbers.push(*number);
            Ok(())
        }
        (Value::List(items) | Value::Tuple(items), [length, inner @ ..]) if items.len() == *length => {
            items.iter().try_for_each(|item| flatten(item, inner, numbers))
        }
        // A pixel that is a row of a numpy array.
        (Value::Array(array), [length]) if array.shape() == [*length as u64] => {
            numbers.extend(array.to_f64().ok_or_else(what)?);
            Ok(())
        }
        _ => Err(what()),
    }
}

/// Mean red, green and blue.
fn means(picture: &[f64]) -> Vec<f64> {
    let pixels = (SIDE * SIDE) as f64;
    (0..CHANNELS)
        .map(|channel| picture.iter().skip(channel).step_by(CHANNELS).sum::<f64>() / pixels)
        .collect()
}

/// Minus the L1 distance to the target.
fn nearness(picture: &[f64]) -> f64 {
    // Written so that a hit is 0 and not -0.
    0.0 - picture.iter().zip(target()).map(|(drawn, wanted)| (drawn - wanted).abs()).sum::<f64>()
}

/// A yellow disc about pixel (16, 16) on black.
fn target() -> impl Iterator<Item = f64> {
    let inside = |place: usize| {
        let (x, y) = ((place % SIDE) as f64 - 16.0, (place / SIDE) as f64 - 16.0);
        x * x + y * y <= RADIUS * RADIUS
    };
    (0..SIDE * SIDE)
        .flat_map(move |place| if inside(place) { [BRIGHT, BRIGHT, 0.0] } else { [0.0; CHANNELS] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use samara_sandbox::value::{Array, Dtype};

    fn nested(of: impl Fn(usize) -> Value) -> Value {
        let row = |y: usize| {
            Value::List(
                (0..SIDE)
                    .map(|x| Value::Tuple((0..3).map(|c| of((y * SIDE + x) * 3 + c)).collect()))
                    .collect(),
            )
        };
        Value::List((0..SIDE).map(row).collect())
    }

    #[test]
    fn the_disc_itself_scores_zero_and_its_opposite_the_least() {
        let disc: Vec<f64> = target().collect();
        assert_eq!(nearness(&disc).to_bits(), 0.0_f64.to_bits());
        let opposite: Vec<f64> = disc.iter().map(|value| BRIGHT - value).collect();
        assert_eq!(nearness(&opposite), -783_360.0);
        assert_eq!(
            disc.iter().filter(|value| **value > 0.0).count(),
            2 * 317,
            "lattice points within 10 of one"
        );
        assert_eq!(nearness(&vec![0.0; SIDE * SIDE * 3]), -2.0 * 317.0 * 255.0);
    }

    #[test]
    fn measures_are_the_means_of_the_channels() {
        let picture = nested(|place| Value::from([30.0, 60.0, 255.0][place % 3]));
        let picture = pixels(&picture).expect("a picture");
        assert_eq!(means(&picture), [30.0, 60.0, 255.0]);
    }

    #[test]
    fn lists_and_arrays_of_the_shape_are_pictures() {
        let numbers: Vec<u8> = (0..SIDE * SIDE * 3).map(|place| (place % 251) as u8).collect();
        let listed = nested(|place| Value::from(i64::from(numbers[place])));
        let array = Array::new(Dtype::U8, vec![32, 32, 3], numbers.clone()).expect("an array");
        let expected: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
        assert_eq!(pixels(&listed).as_ref(), Ok(&expected));
        assert_eq!(pixels(&Value::Array(array)), Ok(expected));
    }

    #[test]
    fn other_values_are_refused_with_the_reason() {
        let array = |shape: Vec<u64>, dtype: Dtype| {
            let bytes = shape.iter().product::<u64>() as usize * dtype.item_size();
            Value::Array(Array::new(dtype, shape, vec![0; bytes]).expect("an array"))
        };
        for (value, why) in [
            (Value::None, "no 32 x 32 x 3"),
            (Value::List(vec![]), "no 32 x 32 x 3"),
            (nested(|_| Value::Bool(true)), "no 32 x 32 x 3"),
            (nested(|_| Value::from(256)), "the value 256"),
            (nested(|_| Value::from(-0.5)), "the value -0.5"),
            (nested(|place| Value::from(if place == 7 { f64::NAN } else { 1.0 })), "the value NaN"),
            (nested(|_| Value::from(f64::INFINITY)), "the value inf"),
            (array(vec![32, 32], Dtype::U8), "shape [32, 32]"),
            (array(vec![32, 32, 3], Dtype::C64), "complex"),
        ] {
            match pixels(&value) {
                Err(Bad::Invalid(text)) => assert!(text.contains(why), "{text}"),
                other => panic!("{why}: {other:?}"),
            }
        }
    }
}
