//! A walk as an animated GIF that repeats for ever.

use gif::{DisposalMethod, Encoder, Frame, Repeat};
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};

use super::{
    scene::{Colour, PAPER, Shape, View, shapes},
    walk::Walk,
};

/// Most pixels of the longer and the shorter side.
const LONG: f64 = 720.0;
const SHORT: f64 = 480.0;
/// A second as GIF counts it, in hundredths.
const SECOND: u16 = 100;
/// Frames a second.
pub(super) const RATE: u32 = 20;
/// The encoder's choice between speed (30) and exact colours (1); the picture has few colours.
const SPEED: i32 = 20;

/// The file's bytes.
///
/// # Errors
/// If the encoder can't write it, as text.
pub(super) fn draw(walk: &Walk) -> Result<Vec<u8>, String> {
    let window = walk.window();
    let fits = |width: f64, height: f64| (width / window.width).min(height / window.height);
    let view = View { window, scale: fits(LONG, SHORT).max(fits(SHORT, LONG)) };
    let mut film: Option<Encoder<Vec<u8>>> = None;
    for place in 0..walk.frames.len() {
        let last = place + 1 == walk.frames.len();
        let mut frame = paint(&shapes(walk, place, &view), &view)?;
        frame.delay = if last { SECOND } else { SECOND / RATE as u16 };
        let encoder = match &mut film {
            Some(encoder) => encoder,
            None => film.insert(begin(frame.width, frame.height)?),
        };
        encoder.write_frame(&frame).map_err(|error| error.to_string())?;
    }
    let film = film.ok_or("the walk has no frames")?;
    film.into_inner().map_err(|error| error.to_string())
}

fn begin(width: u16, height: u16) -> Result<Encoder<Vec<u8>>, String> {
    let mut encoder = Encoder::new(Vec::new(), width, height, &[]).map_err(|error| error.to_string())?;
    encoder.set_repeat(Repeat::Infinite).map_err(|error| error.to_string())?;
    Ok(encoder)
}

fn paint(shapes: &[Shape], view: &View) -> Result<Frame<'static>, String> {
    let size = |side: f64| u16::try_from(side.ceil().max(1.0) as u32);
    let (width, height) = view.size();
    let (Ok(width), Ok(height)) = (size(width), size(height)) else {
        return Err("the picture is too large for a GIF".to_owned());
    };
    let mut pixmap = Pixmap::new(width.into(), height.into()).ok_or("the picture has no size")?;
    pixmap.fill(colour(PAPER));
    for shape in shapes {
        add(&mut pixmap, shape);
    }
    // The paper is opaque, so that all pixels are.
    let pixels = pixmap.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue(), 255]);
    let mut frame = Frame::from_rgba_speed(width, height, &mut pixels.collect::<Vec<u8>>(), SPEED);
    frame.dispose = DisposalMethod::Background;
    Ok(frame)
}

fn add(pixmap: &mut Pixmap, shape: &Shape) {
    let still = Transform::identity();
    match shape {
        Shape::Fill(points, of) => {
            if let Some(path) = outline(points, true) {
                pixmap.fill_path(&path, &paint_of(*of), FillRule::Winding, still, None);
            }
        }
        Shape::Line(points, width, of) => {
            let (line_cap, line_join) = (LineCap::Round, LineJoin::Round);
            let stroke = Stroke { width: *width as f32, line_cap, line_join, ..Stroke::default() };
            if let Some(path) = outline(points, false) {
                pixmap.stroke_path(&path, &paint_of(*of), &stroke, still, None);
            }
        }
        Shape::Disc((x, y), radius, of) => {
            if let Some(path) = PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32) {
                pixmap.fill_path(&path, &paint_of(*of), FillRule::Winding, still, None);
            }
        }
    }
}

fn outline(points: &[(f64, f64)], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (place, (x, y)) in points.iter().enumerate() {
        let (x, y) = (*x as f32, *y as f32);
        if place == 0 { builder.move_to(x, y) } else { builder.line_to(x, y) }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

fn paint_of(of: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(colour(of));
    paint
}

fn colour([red, green, blue]: Colour) -> tiny_skia::Color {
    tiny_skia::Color::from_rgba8(red, green, blue, 255)
}
