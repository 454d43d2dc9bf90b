//! Pictures that candidates have: artifacts of the kind PNG called `picture`, whatever the environment.
//!
//! Somebody else's run is data: what is no picture of a bounded size is neither drawn nor written.

use std::collections::BTreeMap;

use samara_search::{ArtifactKind, Island, Score};

use crate::screen::Colours;

/// The artifact's name.
const NAME: &str = "picture";
/// Pixels of a side at most.
const MOST_SIDE: u32 = 1024;
/// Bytes that reading a picture may take at most.
const MOST_MEMORY: usize = 8 << 20;
/// Pictures of one drawing at most, and their bytes: those of the best elites.
const MOST_PICTURES: usize = 1000;
const MOST_BYTES: usize = 4 << 20;
/// Pixels of a side in the terminal at most, each one column wide and half a line high.
const MOST_COLUMNS: usize = 32;

type Colour = (u8, u8, u8);

/// The pictures of an archive's best elites.
#[derive(Debug, Default)]
pub struct Gallery<'a> {
    pictures: BTreeMap<u64, &'a [u8]>,
    /// Whether there are more than these.
    more: bool,
}

impl<'a> Gallery<'a> {
    /// Of the best elite of every cell, as many as a drawing may hold.
    pub fn of(found: &'a Island) -> Self {
        let mut gallery = Self::default();
        let mut bytes = 0;
        for elite in found.archive().best_of(usize::MAX) {
            let Some(picture) = picture(found, elite.id) else { continue };
            bytes += picture.len();
            if gallery.pictures.len() == MOST_PICTURES || bytes > MOST_BYTES {
                gallery.more = true;
                break;
            }
            gallery.pictures.insert(elite.id, picture);
        }
        gallery
    }

    /// The candidate's picture, a PNG.
    pub fn get(&self, candidate: u64) -> Option<&'a [u8]> {
        self.pictures.get(&candidate).copied()
    }

    /// What a reader must know of them; `None` if there are none.
    pub fn remark(&self) -> Option<String> {
        let whose =
            if self.more { format!(" of the best {} elites", self.pictures.len()) } else { String::new() };
        (!self.pictures.is_empty()).then(|| format!("pictures{whose} in frames of their objective's colour"))
    }
}

/// The picture of an archive's entry, as it was recorded, if it has one that can be read.
pub fn picture(found: &Island, candidate: u64) -> Option<&[u8]> {
    of_score(found.score(candidate))
}

/// The picture that an evaluation left beside a score, if it can be read.
pub fn of_score(score: &Score) -> Option<&[u8]> {
    let named = score.artifacts.iter().find(|one| one.name == NAME && one.kind == ArtifactKind::Png)?;
    Pixels::read(&named.body).map(|_| &*named.body)
}

/// A picture, pixel by pixel.
#[derive(Debug, PartialEq, Eq)]
pub struct Pixels {
    width: usize,
    /// Row by row from the top.
    colours: Vec<Colour>,
}

impl Pixels {
    /// From a PNG; what is transparent lies on white. `None` if it is none, or too large.
    pub fn read(file: &[u8]) -> Option<Self> {
        let limits = png::Limits { bytes: MOST_MEMORY };
        let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(file), limits);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let header = decoder.read_header_info().ok()?;
        if header.width.max(header.height) > MOST_SIDE {
            return None;
        }
        let mut reader = decoder.read_info().ok()?;
        let mut bytes = vec![0; reader.output_buffer_size()?];
        let info = reader.next_frame(&mut bytes).ok()?;
        let samples = info.color_type.samples();
        let colours = bytes[..info.buffer_size()].chunks_exact(samples).map(colour).collect();
        Some(Self { width: info.width as usize, colours })
    }

    fn height(&self) -> usize {
        self.colours.len() / self.width.max(1)
    }

    /// Lines for a terminal of so many columns, two pixels a character; none without colours.
    pub fn lines(&self, colours: Colours, columns: usize) -> Vec<String> {
        if colours == Colours::None {
            return Vec::new();
        }
        let small = self.shrunk(columns.clamp(1, MOST_COLUMNS));
        let rows: Vec<&[Colour]> = small.colours.chunks(small.width.max(1)).collect();
        rows.chunks(2)
            .map(|pair| {
                let below = |x: usize| pair.get(1).map(|row| row[x]);
                let places: Vec<_> =
                    pair[0].iter().enumerate().map(|(x, above)| (*above, below(x))).collect();
                let runs = places.chunk_by(|a, b| a == b);
                runs.map(|run| colours.halves(run.len(), run[0].0, run[0].1)).collect()
            })
            .collect()
    }

    /// The same picture with sides of so many pixels at most, each the mean of those it stands for.
    fn shrunk(&self, most: usize) -> Self {
        let longest = self.width.max(self.height()).max(most);
        let [width, height] = [self.width, self.height()].map(|side| (side * most / longest).max(1));
        let range = |at: usize, cells: usize, side: usize| {
            let from = at * side / cells;
            from..((at + 1) * side / cells).max(from + 1)
        };
        let mean = |x: usize, y: usize| {
            let rows = range(y, height, self.height());
            let taken = rows.flat_map(|row| {
                range(x, width, self.width).map(move |column| self.colours[row * self.width + column])
            });
            let (mut sums, mut count) = ([0_u32; 3], 0_u32);
            for (red, green, blue) in taken {
                for (sum, value) in sums.iter_mut().zip([red, green, blue]) {
                    *sum += u32::from(value);
                }
                count += 1;
            }
            let [red, green, blue] = sums.map(|sum| (sum / count.max(1)) as u8);
            (red, green, blue)
        };
        let colours = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| mean(x, y));
        Self { width, colours: colours.collect() }
    }
}

/// A pixel of one to four samples, on white.
fn colour(samples: &[u8]) -> Colour {
    let on_white = |value: u8, alpha: u8| {
        ((u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha))) / 255) as u8
    };
    match *samples {
        [grey] => (grey, grey, grey),
        [grey, alpha] => [on_white(grey, alpha); 3].into(),
        [red, green, blue] => (red, green, blue),
        [red, green, blue, alpha] => [red, green, blue].map(|value| on_white(value, alpha)).into(),
        _ => (0, 0, 0),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A PNG of these samples.
    pub(crate) fn file(width: u32, color: png::ColorType, samples: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let height = (samples.len() / color.samples()) as u32 / width;
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(color);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(samples).unwrap();
        writer.finish().unwrap();
        file
    }

    /// A gallery of one picture.
    pub(crate) fn gallery(candidate: u64, picture: &[u8]) -> Gallery<'_> {
        Gallery { pictures: BTreeMap::from([(candidate, picture)]), more: false }
    }

    #[test]
    fn pictures_of_every_kind_are_read() {
        use png::ColorType::{Grayscale, GrayscaleAlpha, Rgb, Rgba};
        let read = |color, samples: &[u8]| Pixels::read(&file(1, color, samples)).unwrap().colours;
        assert_eq!(read(Grayscale, &[7, 9]), [(7, 7, 7), (9, 9, 9)]);
        assert_eq!(read(GrayscaleAlpha, &[7, 255, 9, 0]), [(7, 7, 7), (255, 255, 255)]);
        assert_eq!(read(Rgb, &[1, 2, 3]), [(1, 2, 3)]);
        assert_eq!(read(Rgba, &[1, 2, 3, 255, 0, 0, 0, 51]), [(1, 2, 3), (204, 204, 204)]);
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_none() {
        let whole = file(2, png::ColorType::Rgb, &[9; 12]);
        assert!(Pixels::read(&whole).is_some());
        assert!(Pixels::read(&whole[..whole.len() / 2]).is_none());
        assert!(Pixels::read(b"<script>").is_none() && Pixels::read(b"").is_none());
        // A bomb: a few bytes that claim to be, and are, a large picture.
        assert!(Pixels::read(&file(2000, png::ColorType::Grayscale, &[0; 4000])).is_none());
    }

    #[test]
    fn a_terminal_with_colours_shows_two_pixels_a_character() {
        let file =
            file(2, png::ColorType::Rgb, &[255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255, 9, 9, 9, 8, 8, 8]);
        let pixels = Pixels::read(&file).unwrap();
        assert_eq!(
            pixels.lines(Colours::True, 80),
            ["\x1b[38;2;255;0;0;48;2;0;0;255m▀▀\x1b[0m", "\x1b[38;2;9;9;9m▀\x1b[0m\x1b[38;2;8;8;8m▀\x1b[0m"]
        );
        assert_eq!(pixels.lines(Colours::Palette, 80)[0], "\x1b[38;5;196;48;5;21m▀▀\x1b[0m");
        assert!(pixels.lines(Colours::None, 80).is_empty());
    }

    #[test]
    fn a_large_picture_is_shrunk_to_the_columns_there_are() {
        let samples: Vec<u8> = (0..100 * 50).map(|i| if i % 100 < 50 { 0 } else { 200 }).collect();
        let pixels = Pixels::read(&file(100, png::ColorType::Grayscale, &samples)).unwrap();
        let small = pixels.shrunk(4);
        assert_eq!((small.width, small.height()), (4, 2));
        assert_eq!(small.colours[..4].iter().map(|colour| colour.0).collect::<Vec<_>>(), [0, 0, 200, 200]);
        assert_eq!(pixels.lines(Colours::True, 20).len(), 5);
        assert_eq!(pixels.shrunk(1000).colours, pixels.colours);
    }
}
