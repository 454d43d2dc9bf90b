//! Which cell of an archive a person means.

use samara_qd::{Archive, Axis, Tessellation};

use crate::exit::{Failure, one_line};

/// A cell's number, from that number, its bins, or the names of its categories in their place.
pub(crate) fn find(archive: &Archive, text: &str) -> Result<usize, Failure> {
    number(archive, text).ok_or_else(|| {
        Failure::usage(format!("--cell {text}: there is no such cell\nhint: {}", known(archive)))
    })
}

fn number(archive: &Archive, text: &str) -> Option<usize> {
    let cells = archive.tessellation().cells();
    let parts = || text.split(',').map(str::trim);
    let bins: Vec<usize> = match archive.tessellation() {
        Tessellation::Grid(grid) if parts().count() == grid.axes().len() => {
            grid.axes().iter().zip(parts()).map(|(axis, part)| bin(axis, part)).collect::<Option<_>>()?
        }
        _ => parts().map(|part| part.parse().ok()).collect::<Option<_>>()?,
    };
    match (archive.tessellation(), &bins[..]) {
        (_, [cell]) => (*cell < cells).then_some(*cell),
        (Tessellation::Grid(grid), bins) => (0..cells).find(|cell| grid.unravel(*cell) == bins),
        (Tessellation::Cvt(_) | Tessellation::Places(_), _) => None,
    }
}

/// A bin by its number, or by its category's name.
fn bin(axis: &Axis, part: &str) -> Option<usize> {
    let named = axis.category_names().and_then(|names| names.iter().position(|name| name == part));
    named.or_else(|| part.parse().ok())
}

fn known(archive: &Archive) -> String {
    match archive.tessellation() {
        Tessellation::Grid(grid) => {
            let last = |axis: &Axis| match axis.category_names().and_then(<[String]>::last) {
                Some(name) => one_line(name),
                None => (axis.cells() - 1).to_string(),
            };
            let last: Vec<String> = grid.axes().iter().map(last).collect();
            format!("bins go from 0 to {}", last.join(","))
        }
        Tessellation::Cvt(cvt) => format!("cells go from 0 to {}", cvt.cells() - 1),
        Tessellation::Places(places) => format!("places go from 0 to {}", places.places() - 1),
    }
}
