//! Files that are pictures whatever the archive, and that hold no more than they should.

use super::*;
use crate::gallery;
use crate::projection::tests::{add, cvt, grid};

fn axis(name: &str, range: [f64; 2], bins: usize) -> AxisSettings {
    AxisSettings::even(name, range, bins)
}

fn drawn(archive: &Archive, axes: &[AxisSettings]) -> String {
    let file = draw(archive, axes, &Gallery::default()).unwrap();
    assert!(file.starts_with("<svg ") && file.ends_with("</svg>\n"), "{file}");
    assert!(!file.contains("NaN") && !file.contains("inf"), "{file}");
    file
}

/// All texts of a file, a line each.
fn texts(file: &str) -> String {
    let lines = file.lines().filter(|line| line.starts_with("<text"));
    lines
        .filter_map(|line| line.split_once('>')?.1.strip_suffix("</text>"))
        .map(|text| format!("{text}\n"))
        .collect()
}

#[test]
fn names_edges_title_and_scale_are_on_every_picture() {
    let ticks =
        AxisSettings { bins: None, ticks: Some(vec![0.9, 0.999_999_9]), ..axis("share", [0.0, 1.0], 1) };
    let axes = [axis("balance", [-1.0, 1.0], 4), ticks, axis("length", [0.0, 300.0], 3)];
    let mut read = String::new();
    for dims in 1..=3 {
        let mut archive = grid(&axes[..dims]);
        for (objective, measure) in [(-2.0, -0.9), (0.5, 0.1), (123_456.75, 0.9)] {
            add(&mut archive, objective, &[measure, 0.95, 10.0][..dims]);
        }
        read += &format!("{}\n", texts(&drawn(&archive, &axes[..dims])));
    }
    insta::assert_snapshot!(read);
}

#[test]
fn bars_of_negative_objectives_hang_from_a_zero_that_is_marked() {
    let axes = [axis("x", [0.0, 2.0], 2)];
    let mut archive = grid(&axes);
    add(&mut archive, -1.0, &[0.5]);
    add(&mut archive, -2.0, &[1.5]);
    let file = drawn(&archive, &axes);
    // Zero is the top of the plot, and both bars begin there.
    let bars: Vec<&str> = file.lines().filter(|line| line.starts_with("<rect x=")).collect();
    assert_eq!(bars.len(), 2, "{file}");
    assert!(bars.iter().all(|bar| bar.contains(&format!(" y=\"{TOP}\" "))), "{bars:?}");
    assert!(file.contains("font-weight=\"bold\">0</text>"), "{file}");
}

#[test]
fn every_kind_of_archive_has_a_picture() {
    let axes = ["x", "y", "z", "u"].map(|name| axis(name, [-8e307, 8e307], 3));
    for dims in 1..=4 {
        let axes = &axes[..dims];
        for mut archive in [grid(axes), cvt(axes, 1), cvt(axes, 30)] {
            assert!(drawn(&archive, axes).contains("the archive is empty"));
            for objective in [0.0, 0.0, -8e307, 1.7e308, 1e-300] {
                add(&mut archive, objective, &vec![objective; dims]);
                let file = drawn(&archive, axes);
                assert!(!file.contains("the archive is empty"));
                // The scale's frame is another.
                let edges = ["stroke=\"#808080\" stroke-width", "0 #808080)"];
                assert!(edges.iter().any(|edge| file.contains(edge)), "cells have no edge: {file}");
                assert_eq!(texts(&file).matches("\nx\n").count(), (dims - 1).max(1), "{}", texts(&file));
            }
        }
    }
}

#[test]
fn cells_on_a_page_have_an_edge_each_or_one_around_all_however_many_there_are() {
    let axes = [axis("x", [0.0, 1.0], 40), axis("y", [0.0, 1.0], 40)];
    let look = Look { pair: [0, 1], paint: Paint::Objective, ends: Some((0.0, 1.0)) };
    for (count, together) in [(20, false), (1600, true)] {
        for mut archive in [grid(&axes), cvt(&axes, 900)] {
            for i in 0..count {
                let place = [f64::from(i % 40) + 0.5, f64::from(i / 40) + 0.5].map(|x| x / 40.0);
                add(&mut archive, f64::from(i) / 1600.0, &place);
            }
            let nowhere = |_| None;
            let nowhere: &Places<'_> = &nowhere;
            for places in [Some(nowhere), None] {
                let made = of_pair(&archive, &axes, look, &Gallery::default(), places).unwrap();
                let file = made.svg.finish();
                let around = together || places.is_none();
                let edges = ["stroke=\"var(--edge)\" stroke-width", "class=\"cells\""];
                assert!(file.contains(edges[usize::from(around)]), "{count} {around}: {file}");
            }
        }
    }
}

#[test]
fn a_cvt_of_two_measures_has_a_polygon_for_every_cell() {
    let axes = [axis("x", [-4.0, 4.0], 1), axis("y", [0.0, 100.0], 1)];
    let mut archive = cvt(&axes, 50);
    add(&mut archive, 1.0, &[0.0, 50.0]);
    let file = drawn(&archive, &axes);
    assert_eq!(file.matches("<polygon").count(), 50);
    assert_eq!(file.matches(&format!("fill=\"{}\" stroke", Inks::PAPER.hole)).count(), 49);
}

#[test]
fn the_size_of_a_file_is_bounded_whatever_the_grid() {
    let axes = [axis("x", [0.0, 1.0], 1000), axis("y", [0.0, 1.0], 1000)];
    let mut archive = grid(&axes);
    for i in 0..1_000_000_u32 {
        let measure = |i: u32| f64::from(i) / 1000.0 + 0.0005;
        add(&mut archive, f64::from(i), &[measure(i % 1000), measure(i / 1000)]);
    }
    let file = drawn(&archive, &axes);
    assert!(file.len() < 5_000_000, "{}", file.len());
    assert!(file.contains("each square is the best of 5 x 5 cells"));
}

#[test]
fn no_name_breaks_out_of_the_file() {
    let hostile = "</text><script>\x1b[2J\u{9b}\u{202e}\u{ffff}&\"";
    let axes = [axis(hostile, [0.0, 1.0], 2), axis("y\0", [0.0, 1.0], 2)];
    for dims in 1..=2 {
        let file = drawn(&grid(&axes[..dims]), &axes[..dims]);
        assert!(file.contains("&lt;/text&gt;&lt;script&gt;�[2J���&amp;&quot;"), "{file}");
        assert!(!file.contains("<script>") && file.lines().all(|line| line == one_line(line)));
    }
}

#[test]
fn long_names_are_cut_where_the_drawing_ends() {
    let long = "a name that goes on and on ".repeat(20);
    let axes = [axis(&long, [0.0, 1.0], 2), axis("y", [0.0, 1.0], 2)];
    let read = texts(&drawn(&grid(&axes), &axes));
    assert!(read.lines().all(|line| columns(line) <= 80), "{read}");
    assert!(read.contains("a name that goes on") && read.contains('…'), "{read}");
}

#[test]
fn axes_of_another_archive_are_refused() {
    let axes = [axis("x", [0.0, 1.0], 2), axis("y", [0.0, 1.0], 2)];
    assert!(draw(&grid(&axes), &axes[..1], &Gallery::default()).is_err());
}

#[test]
fn elites_are_shown_by_their_pictures_where_there_is_room() {
    let picture = gallery::tests::file(1, png::ColorType::Rgb, &[1, 2, 3]);
    let gallery = gallery::tests::gallery(0, &picture);
    let axes = ["x", "y", "z"].map(|name| axis(name, [0.0, 2.0], 2));
    for dims in 1..=3 {
        let axes = &axes[..dims];
        for mut archive in [grid(axes), cvt(axes, 4)] {
            add(&mut archive, 1.0, &[0.5; 3][..dims]);
            let file = draw(&archive, axes, &gallery).unwrap();
            // Once in the file, and in every plot.
            assert_eq!(file.matches("<image ").count(), 1, "{file}");
            assert_eq!(file.matches("<use ").count(), [1, 1, 3][dims - 1], "{file}");
            assert!(texts(&file).contains("pictures in frames of their objective's colour"), "{file}");
            assert!(!drawn(&archive, axes).contains("<image "));
        }
    }
    let fine = [axis("x", [0.0, 2.0], 100), axis("y", [0.0, 2.0], 100)];
    let mut archive = grid(&fine);
    add(&mut archive, 1.0, &[0.5, 0.5]);
    assert!(!draw(&archive, &fine, &gallery).unwrap().contains("<use "));
}

#[test]
fn a_square_inside_a_polygon_crosses_no_edge() {
    let [x, y, width, height] = inside(&[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]);
    assert!(x > 0.5 && y > 0.5 && x + width < 3.5 && y + height < 3.5);
    assert_eq!((width, (x + width / 2.0, y + height / 2.0)), (height, (2.0, 2.0)));
    let [x, y, width, _] = inside(&[(0.0, 0.0), (9.0, 0.0), (0.0, 9.0)]);
    assert!(x > 0.0 && y > 0.0 && 2.0 * (x + width) <= 9.0 && width > 2.0, "{x} {y} {width}");
}
