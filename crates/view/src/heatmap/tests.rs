//! Pictures as they are read, and that no line leaves the screen.

use super::*;
use crate::projection::tests::{add, cvt, grid};

const SCREEN: Screen = Screen { width: 80, colours: Colours::None };

fn axis(name: &str, range: [f64; 2], bins: usize) -> AxisSettings {
    AxisSettings::even(name, range, bins)
}

fn ticks(name: &str, ticks: &[f64]) -> AxisSettings {
    AxisSettings { bins: None, ticks: Some(ticks.to_vec()), ..axis(name, [0.0, 1.0], 1) }
}

/// An archive with something in about every second cell.
fn filled(mut archive: Archive, axes: &[AxisSettings], objective: impl Fn(f64) -> f64) -> Archive {
    for i in 0..60_u32 {
        let share = |axis: usize| (f64::from(i) * [0.618, 0.414, 0.236][axis % 3]).fract();
        let place = |(number, axis): (usize, &AxisSettings)| {
            axis.range[0] + (axis.range[1] - axis.range[0]) * share(number)
        };
        let measures: Vec<f64> = axes.iter().enumerate().map(place).collect();
        add(&mut archive, objective(f64::from(i)), &measures);
    }
    archive
}

#[test]
fn bars_start_from_a_marked_zero_on_both_sides() {
    let axes = [axis("balance", [-1.0, 1.0], 5)];
    let mut archive = grid(&axes);
    for (objective, measure) in [(-2.0, -0.9), (0.0, -0.5), (0.5, 0.0), (1.0, 0.9)] {
        add(&mut archive, objective, &[measure]);
    }
    let mixed = draw(&archive, &axes, SCREEN);
    let mut archive = grid(&axes);
    add(&mut archive, -3.0, &[0.0]);
    add(&mut archive, -1.5, &[0.9]);
    insta::assert_snapshot!(format!("{mixed}\n{}", draw(&archive, &axes, SCREEN)));
}

#[test]
fn categories_are_called_by_their_names() {
    let genres = AxisSettings::named("genre", ["ode", "hymn", "limerick"]);
    let tones = AxisSettings::named("tone", ["dark", "a tone with a name that no map has room for"]);
    let mut line = grid(std::slice::from_ref(&genres));
    add(&mut line, 0.5, &[1.0]);
    let mut map = grid(&[genres.clone(), tones.clone()]);
    add(&mut map, 0.5, &[1.0, 0.0]);
    add(&mut map, 0.75, &[2.0, 1.0]);
    let line = draw(&line, std::slice::from_ref(&genres), SCREEN);
    insta::assert_snapshot!(format!("{line}\n{}", draw(&map, &[genres, tones], SCREEN)));
}

#[test]
fn near_numbers_and_numbers_of_any_size_are_told_apart() {
    let axes = [ticks("share", &[1e-12, 0.999_999_9, 1.0, 1.5e300])];
    let mut archive = grid(&axes);
    for (objective, measure) in [(123_456.75, 0.0), (123_456.5, 0.5), (1e-12, 1.0), (-1.0, 1e301)] {
        add(&mut archive, objective, &[measure]);
    }
    insta::assert_snapshot!(draw(&archive, &axes, SCREEN));
}

#[test]
fn a_map_has_names_and_edges_at_every_width() {
    let axes = [ticks("sentiment", &[0.005, 0.01, 0.02, 0.5, 0.9, 0.995]), axis("length", [0.0, 500.0], 6)];
    let archive = filled(grid(&axes), &axes, |i| i / 7.0 - 2.0);
    let pictures = [80, 40, 20].map(|width| draw(&archive, &axes, Screen { width, ..SCREEN }));
    insta::assert_snapshot!(pictures.join("\n"));
}

#[test]
fn a_cvt_is_shown_by_intervals_or_samples_or_places() {
    let axes = ["x", "y", "z"].map(|name| axis(name, [0.0, 1.0], 1));
    let pictures: Vec<String> = (1..=3)
        .map(|dims| {
            let archive = filled(cvt(&axes[..dims], 12), &axes[..dims], |i| i);
            draw(&archive, &axes[..dims], Screen { width: 60, ..SCREEN })
        })
        .collect();
    insta::assert_snapshot!(pictures.join("\n"));
}

#[test]
fn one_cell_equal_objectives_and_nothing_at_all_have_pictures() {
    let (one, four) = ([axis("x", [0.0, 1.0], 1)], [axis("x", [0.0, 1.0], 2), axis("y", [0.0, 1.0], 2)]);
    let mut single = grid(&one);
    let empty = draw(&single, &one, SCREEN);
    add(&mut single, 0.0, &[0.5]);
    let equal = filled(grid(&four), &four, |_| 0.25);
    let pictures =
        [empty, draw(&single, &one, SCREEN), draw(&grid(&four), &four, SCREEN), draw(&equal, &four, SCREEN)];
    insta::assert_snapshot!(pictures.join("\n"));
}

#[test]
fn colours_show_the_same_order_as_digits() {
    let axes = [axis("x", [0.0, 1.0], 3), axis("y", [0.0, 1.0], 2)];
    let archive = filled(grid(&axes), &axes, |i| i);
    let picture = |colours| draw(&archive, &axes, Screen { width: 40, colours }).replace('\x1b', "ESC");
    insta::assert_snapshot!([Colours::Palette, Colours::True].map(picture).join("\n"));
}

#[test]
fn no_name_commands_the_terminal() {
    let hostile = "\x1b]0;pwned\x07\x1b[2J\u{9b}31m\u{202e}\u{2066}\r\n\u{2028}";
    let axes =
        [axis(hostile, [0.0, 1.0], 3), axis("y\t\x1bc", [0.0, 1.0], 2), axis("z\u{85}", [0.0, 1.0], 2)];
    for dims in 1..=3 {
        for archive in [grid(&axes[..dims]), cvt(&axes[..dims], 5)] {
            let archive = filled(archive, &axes[..dims], |i| i);
            let picture = draw(&archive, &axes[..dims], Screen { width: 20, ..SCREEN });
            let plain = |line: &str| line == one_line(line);
            assert!(picture.split('\n').all(plain), "{picture:?}");
            assert!(picture.contains('\u{fffd}'), "{picture}");
        }
    }
}

#[test]
fn no_line_is_wider_than_the_screen() {
    let names = ["a name of many words that goes on and on", "日本語の長い名前の軸です日本語の長い名前", "z"];
    let ranges = [[0.0, 1.0], [-1.5e300, 1.5e300], [1e-12, 2e-12]];
    for (dims, bins) in [(1, 1), (1, 100), (2, 1), (2, 7), (2, 100), (3, 4)] {
        let axes: Vec<AxisSettings> = (0..dims).map(|i| axis(names[i], ranges[i], bins)).collect();
        for archive in [grid(&axes), cvt(&axes, bins)] {
            for objective in
                [|i: f64| i - 30.0, |i: f64| 1.5e300 * (i - 30.0) / 60.0, |i: f64| 1.0 + i * 1e-12]
            {
                let archive = filled(archive.clone(), &axes, objective);
                for width in [20, 21, 40, 79, 200] {
                    for line in draw(&archive, &axes, Screen { width, ..SCREEN }).lines() {
                        assert!(columns(line) <= width, "{} > {width}: {line}", columns(line));
                    }
                }
            }
        }
    }
}
