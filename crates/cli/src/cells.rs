//! Which cell of an archive a person means.

use samara_qd::{Archive, Tessellation};

use crate::exit::Failure;

/// A cell's number, from that number or its bins.
pub(crate) fn find(archive: &Archive, text: &str) -> Result<usize, Failure> {
    number(archive, text).ok_or_else(|| {
        Failure::usage(format!("--cell {text}: there is no such cell\nhint: {}", known(archive)))
    })
}

fn number(archive: &Archive, text: &str) -> Option<usize> {
    let bins: Vec<usize> = text.split(',').map(|bin| bin.trim().parse().ok()).collect::<Option<_>>()?;
    let cells = archive.tessellation().cells();
    match (archive.tessellation(), &bins[..]) {
        (_, [cell]) => (*cell < cells).then_some(*cell),
        (Tessellation::Grid(grid), bins) => (0..cells).find(|cell| grid.unravel(*cell) == bins),
        (Tessellation::Cvt(_), _) => None,
    }
}

fn known(archive: &Archive) -> String {
    match archive.tessellation() {
        Tessellation::Grid(grid) => {
            let last: Vec<String> = grid.axes().iter().map(|axis| (axis.cells() - 1).to_string()).collect();
            format!("bins go from 0 to {}", last.join(","))
        }
        Tessellation::Cvt(cvt) => format!("cells go from 0 to {}", cvt.cells() - 1),
    }
}
