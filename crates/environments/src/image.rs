//! `image`: programs that draw. A program's `draw()` returns a picture of 32 x 32 pixels; it is measured by its mean
//! red, green and blue, and the objective is how near the picture comes to a yellow disc. The picture is kept as an
//! artifact.
//!
//! The domain of the reference system, with its objective on the scale of the colours: minus the sum over all pixels
//! and channels of the absolute difference to the target, 0 for the disc itself and -783,360 at worst.

use std::sync::Arc;

use samara_engine::{Abort, Bench, EngineError, Environment, Future};
use samara_sandbox::Value;
use samara_search::{Artifact, ArtifactKind, Invalid, Score, schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Inputs,
    program::{self, Format, Phrases, Programs, Task, Writer, WritingSettings},
    source::{Source, expect_axes},
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
/// The artifact that is the picture, by the name that `samara show` looks for.
const PICTURE: &str = "picture";
/// The function that draws.
const ENTRY: &str = "draw";

/// The programs that a search begins with.
const SEEDS: [&str; 3] =
    [include_str!("image/square.py"), include_str!("image/stripes.py"), include_str!("image/slope.py")];

/// What the generator is told.
const PREAMBLE: &str =
    "# draw() returns a picture: a list of 32 rows of 32 pixels, each [red, green, blue] from 0 to 255.";

/// The `[environment]` section.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "image", transform = samara_search::schema::in_order::<Self>)]
pub struct ImageSettings {
    /// A file with a program that defines `draw()`, to begin with in place of the built-in ones; a relative path
    /// starts at the experiment's file. Default: three programs that come with samara.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed_path: Option<String>,
    /// How the generator is asked for programs.
    pub writing: WritingSettings,
}

struct Image;

/// Builds it, reading the seed.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    let settings: ImageSettings = schema::read(source.section, "environment")?;
    expect_axes(source.axes, CHANNELS, "environment `image` (mean red, green and blue)")?;
    let seeds = match &settings.seed_path {
        Some(path) => vec![read_seed(path, source.inputs)?],
        None => SEEDS.iter().map(|seed| Arc::from(*seed)).collect(),
    };
    let writer = Writer::new(source, settings.writing, format())?;
    Ok(Programs::new(Image, Arc::new(writer), seeds))
}

fn read_seed(path: &str, inputs: &Inputs) -> Result<Arc<str>, Invalid> {
    let key = "environment.seed_path";
    let hint = "a file with a program; a relative path starts at the experiment's file";
    let text = inputs.text(key, path, hint)?;
    if !text.contains("def draw(") {
        let what = format!("{path} does not define draw()");
        return Err(Invalid::new(key, what, "write `def draw():` in it"));
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

impl Task for Image {
    const NAME: &'static str = NAME;

    fn evaluate<'a>(&'a self, program: &'a str, bench: &'a mut Bench) -> Future<'a, Score> {
        Box::pin(async move {
            let job = bench.job(program, ENTRY)?;
            let drawn = program::run::value(job, bench).await.map_err(|abort| abort.of("draw()"))?;
            // What is made of a program's value is made on a thread that may block, and within limits.
            bench.compute(move || judged(&drawn)).await?
        })
    }
}

/// Measures, objective and artifact of what was drawn.
fn judged(drawn: &Value) -> Result<Score, Abort> {
    let picture = pixels(drawn)?;
    let artifacts = vec![artifact(&picture)?];
    Ok(Score { artifacts, ..Score::new(nearness(&picture), means(&picture)) })
}

/// The numbers of a picture, pixel by pixel: an array of that shape, or nested lists or tuples whose rows and pixels may
/// be arrays. Lengths are compared before anything is converted, so that no other value costs more than a look.
fn pixels(value: &Value) -> Result<Vec<f64>, Abort> {
    let mut numbers = Vec::with_capacity(SIDE * SIDE * CHANNELS);
    let shape = [SIDE, SIDE, CHANNELS];
    match value {
        Value::Array(array) => {
            if !array.shape().iter().copied().eq(sides(&shape)) {
                return Err(Abort::invalid(format!("draw() returned an array of shape {:?}", array.shape())));
            }
            let read = array.to_f64().ok_or_else(|| Abort::invalid("draw() returned complex numbers"))?;
            numbers.extend(read);
        }
        nested => flatten(nested, &shape, &mut numbers)?,
    }
    match numbers.iter().find(|number| !(0.0..=BRIGHT).contains(*number)) {
        Some(number) => Err(Abort::invalid(format!("draw() returned the value {number}, not 0 to 255"))),
        None => Ok(numbers),
    }
}

/// Lengths as arrays have them.
fn sides(shape: &[usize]) -> impl Iterator<Item = u64> {
    shape.iter().map(|side| *side as u64)
}

fn flatten(value: &Value, shape: &[usize], numbers: &mut Vec<f64>) -> Result<(), Abort> {
    let what = || Abort::invalid(format!("draw() returned no {SIDE} x {SIDE} x {CHANNELS} numbers"));
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
        // Rows and pixels of numpy, and single numbers of it.
        (Value::Array(array), shape) if array.shape().iter().copied().eq(sides(shape)) => {
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

/// The picture as a PNG, its numbers rounded to bytes: the same bytes for the same picture.
fn artifact(picture: &[f64]) -> Result<Artifact, Abort> {
    let body = png(picture)
        .map_err(|error| EngineError::Internal(format!("a picture can't be written as PNG: {error}")))?;
    Artifact::blob(PICTURE, ArtifactKind::Png, body)
        .ok_or_else(|| EngineError::Internal("a picture is larger than an artifact".to_owned()).into())
}

fn png(picture: &[f64]) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, SIDE as u32, SIDE as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    let bytes: Vec<u8> = picture.iter().map(|number| number.round() as u8).collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bytes)?;
    writer.finish()?;
    Ok(file)
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
    fn the_artifact_is_the_picture_in_few_bytes_and_the_same_ones_each_time() {
        let disc: Vec<f64> = target().map(|value| value * 0.999).collect();
        let made = artifact(&disc).expect("an artifact");
        assert_eq!((&*made.name, made.kind), ("picture", ArtifactKind::Png));
        assert!(made.body.len() < 300, "{} bytes", made.body.len());
        assert_eq!(artifact(&disc).expect("an artifact"), made);
        let mut reader = png::Decoder::new(std::io::Cursor::new(&made.body)).read_info().expect("a PNG");
        let mut read = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut read).expect("a picture");
        assert_eq!((info.width, info.height, info.color_type), (32, 32, png::ColorType::Rgb));
        let drawn: Vec<u8> = disc.iter().map(|value| value.round() as u8).collect();
        assert_eq!(read, drawn);
    }

    #[test]
    fn a_picture_of_noise_fits_an_artifact() {
        let noise: Vec<f64> = (0..SIDE * SIDE * CHANNELS).map(|i| (i * i * 7919 % 256) as f64).collect();
        assert!(artifact(&noise).expect("an artifact").body.len() < 4096);
    }

    #[test]
    fn lists_and_arrays_of_the_shape_are_pictures() {
        let numbers: Vec<u8> = (0..SIDE * SIDE * 3).map(|place| (place % 251) as u8).collect();
        let listed = nested(|place| Value::from(i64::from(numbers[place])));
        let array = Array::new(Dtype::U8, vec![32, 32, 3], numbers.clone()).expect("an array");
        let expected: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
        assert_eq!(pixels(&listed).expect("a picture"), expected);
        assert_eq!(pixels(&Value::Array(array)).expect("a picture"), expected);
        let part = |shape: Vec<u64>, from: usize| {
            let count = shape.iter().product::<u64>() as usize;
            let data = numbers[from * count..][..count].to_vec();
            Value::Array(Array::new(Dtype::U8, shape, data).expect("an array"))
        };
        let rows = Value::List((0..SIDE).map(|y| part(vec![32, 3], y)).collect());
        assert_eq!(pixels(&rows).expect("a picture"), expected);
        let row = |y: usize| Value::Tuple((0..SIDE).map(|x| part(vec![3], y * SIDE + x)).collect());
        assert_eq!(pixels(&Value::Tuple((0..SIDE).map(row).collect())).expect("a picture"), expected);
        assert_eq!(pixels(&nested(|place| part(vec![], place))).expect("a picture"), expected);
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
            (array(vec![0, 32, 3], Dtype::F64), "shape [0, 32, 3]"),
            (array(vec![2_000_000], Dtype::U8), "shape [2000000]"),
            (Value::Str("x".repeat(4_000_000)), "no 32 x 32 x 3"),
            (Value::List(vec![Value::from(0); 200_000]), "no 32 x 32 x 3"),
            (Value::List(vec![array(vec![32, 4], Dtype::U8); SIDE]), "no 32 x 32 x 3"),
            ((0..150).fold(Value::None, |inner, _| Value::List(vec![inner])), "no 32 x 32 x 3"),
        ] {
            match pixels(&value) {
                Err(Abort::Invalid(reason)) => assert!(reason.why.contains(why), "{}", reason.why),
                other => panic!("{why}: {other:?}"),
            }
        }
    }
}
