//! Products with quantised matrices: shared among threads, dispatched to the processor's lanes.

use std::ops::Range;

use crate::kernel::{Threads, Write};

use super::{
    activations::{Activations, Row},
    float,
    format::{Format, Layout},
    lanes::{Lanes, Plain, Work},
    matrix::{Part, Quantised},
    panel::{ROWS, Sizes},
    strip::{PANELS, Strips, Unpacked},
    tile,
};

/// Bytes of a matrix that are worth a thread's while.
const WORTH: usize = 64 << 10;
/// How far ahead of a few rows' products the caches are asked for bytes.
const AHEAD: usize = 4 << 10;
/// Rows from which on codes are unpacked for all of them at once.
const MANY: usize = 8;
/// Tasks for every thread where there is enough to do: whoever is interrupted leaves some to the others.
const TASKS: usize = 4;

/// Memory that products reuse, and the threads that share them.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    threads: Threads,
    activations: Activations,
}

impl Scratch {
    /// For products that these threads share.
    pub fn new(threads: Threads) -> Self {
        Self { threads, activations: Activations::default() }
    }

    /// The threads.
    pub fn threads(&self) -> &Threads {
        &self.threads
    }
}

/// `output = x b^T` or `output += x b^T`: `x` holds `rows` rows of as many numbers as `b` has columns, and gets a number
/// for every row of `b`. Rows of the output lie `stride` apart.
///
/// # Panics
/// If the shapes don't fit.
pub fn multiply_quantised(
    x: &[f32],
    rows: usize,
    b: &Quantised,
    output: &mut [f32],
    stride: usize,
    write: Write,
    scratch: &mut Scratch,
) {
    let columns = b.columns();
    assert_eq!(x.len(), rows * columns, "the inner dimensions of a product differ");
    assert!(
        rows == 0 || output.len() >= (rows - 1) * stride + b.rows(),
        "the output of a product is too short"
    );
    if rows == 0 {
        return;
    }
    if b.parts().iter().any(|part| Layout::of(part.format).is_some()) {
        scratch.activations.read(x, columns);
    }
    let left = Left { x, columns, activations: &scratch.activations };
    let tasks = tasks(b, output, stride, rows, scratch.threads.count());
    let machine = Machine::best();
    scratch.threads.share(tasks, |task| machine.run(Block { left: &left, write, task }));
}

/// The left matrix, as both kinds of formats want it.
struct Left<'a> {
    x: &'a [f32],
    columns: usize,
    activations: &'a Activations,
}

/// Some panels, and where their products go, row by row.
struct Task<'a> {
    part: &'a Part,
    panels: Range<usize>,
    output: Vec<&'a mut [f32]>,
}

/// Cuts a product into tasks.
fn tasks<'a>(
    b: &'a Quantised,
    output: &'a mut [f32],
    stride: usize,
    rows: usize,
    threads: usize,
) -> Vec<Task<'a>> {
    let each = if threads == 1 { usize::MAX } else { (b.bytes() / (threads * TASKS)).max(WORTH) };
    let mut tasks = Vec::new();
    for part in b.parts() {
        let bytes = part.panels() * part.panel_bytes();
        // A number that the threads can share evenly.
        let count = (bytes / each).max(1).next_multiple_of(if bytes > WORTH { threads } else { 1 });
        let step = part.panels().div_ceil(count);
        for first in (0..part.panels()).step_by(step) {
            let panels = first..part.panels().min(first + step);
            tasks.push(Task { part, panels, output: Vec::with_capacity(rows) });
        }
    }
    for row in output.chunks_mut(stride.max(1)).take(rows) {
        let mut rest = row;
        for task in &mut tasks {
            let width = task.part.rows.min(task.panels.end * ROWS) - task.panels.start * ROWS;
            let (own, others) = rest.split_at_mut(width);
            task.output.push(own);
            rest = others;
        }
    }
    tasks
}

/// The lanes of this processor.
#[derive(Debug, Clone, Copy)]
enum Machine {
    #[cfg(target_arch = "x86_64")]
    Vnni(super::lanes::Vnni),
    #[cfg(target_arch = "x86_64")]
    Avx512(super::lanes::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(super::lanes::Avx2),
    Plain,
}

impl Machine {
    /// All that this processor has, the fastest first.
    fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vectors = [
            super::lanes::Vnni::try_new().map(Self::Vnni),
            super::lanes::Avx512::try_new().map(Self::Avx512),
            super::lanes::Avx2::try_new().map(Self::Avx2),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let vectors: [Option<Self>; 0] = [];
        vectors.into_iter().flatten().chain([Self::Plain])
    }

    fn best() -> Self {
        Self::all().next().unwrap_or(Self::Plain)
    }

    fn run(self, work: impl Work) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Vnni(lanes) => lanes.run(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(lanes) => lanes.run(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(lanes) => lanes.run(work),
            Self::Plain => Plain.run(work),
        }
    }
}

/// A task and all it needs.
struct Block<'a, 'b> {
    left: &'a Left<'a>,
    write: Write,
    task: &'a mut Task<'b>,
}

impl Work for Block<'_, '_> {
    #[inline(always)]
    fn work<L: Lanes>(self, lanes: L) {
        match self.task.part.format {
            Format::F32 => self.floats::<L, 0>(lanes),
            Format::F16 => self.floats::<L, 1>(lanes),
            Format::Bf16 => self.floats::<L, 2>(lanes),
            Format::Q8_0 => self.codes::<L, 3>(lanes),
            Format::Q4_0 => self.codes::<L, 4>(lanes),
            Format::Q4_1 => self.codes::<L, 5>(lanes),
            Format::Q5_0 => self.codes::<L, 6>(lanes),
            Format::Q5_1 => self.codes::<L, 7>(lanes),
            Format::Q4K => self.codes::<L, 8>(lanes),
            Format::Q5K => self.codes::<L, 9>(lanes),
            Format::Q6K => self.codes::<L, 10>(lanes),
        }
    }
}

impl Block<'_, '_> {
    #[inline(always)]
    fn codes<L: Lanes, const FORMAT: usize>(mut self, lanes: L) {
        if self.task.output.len() < MANY {
            return self.few::<L, FORMAT>(lanes);
        }
        let count = self.task.panels.len();
        let mut totals = vec![[[0.0; ROWS]; PANELS]; self.task.output.len()];
        let (mut pair, mut single) = ([Unpacked::EMPTY; PANELS], [Unpacked::EMPTY; 1]);
        let mut number = 0;
        while number < count {
            if L::WIDE && count - number >= PANELS {
                self.many::<L, FORMAT, PANELS>(lanes, number, &mut pair, &mut totals);
                number += PANELS;
            } else {
                self.many::<L, FORMAT, 1>(lanes, number, &mut single, &mut totals);
                number += 1;
            }
        }
    }

    /// All rows times `WIDTH` panels from number `first` of the task on.
    #[inline(always)]
    fn many<L: Lanes, const FORMAT: usize, const WIDTH: usize>(
        &mut self,
        lanes: L,
        first: usize,
        unpacked: &mut [Unpacked; WIDTH],
        totals: &mut [[[f32; ROWS]; PANELS]],
    ) {
        let layout = const { tile::layout_of(FORMAT) };
        let size = const { Sizes::of(tile::layout_of(FORMAT)).group() };
        let Task { part, panels, output } = &mut *self.task;
        let bytes: [&[u8]; WIDTH] = std::array::from_fn(|p| part.panel(panels.start + first + p));
        // The groups behind the last one of these panels are the first ones of the next panels.
        let length = bytes[0].len();
        totals.fill([[0.0; ROWS]; PANELS]);
        for number in 0..length.div_ceil(size) {
            for p in 0..WIDTH {
                let (at, end) = (number * size, length.min((number + 1) * size));
                let (step, next) = if end < length { (0, end) } else { (WIDTH, 0) };
                let ahead = part.rest(panels.start + first + p + step, next);
                unpacked[p].fill::<L, FORMAT>(lanes, &bytes[p][at..end], ahead);
            }
            let activations = self.left.activations;
            lanes.run(Strips { layout, panels: unpacked, activations, group: number, totals });
        }
        for (totals, output) in totals.iter().zip(output) {
            for (p, sums) in totals[..WIDTH].iter().enumerate() {
                put(sums, &mut output[(first + p) * ROWS..], self.write);
            }
        }
    }

    /// A few rows times all panels.
    #[inline(always)]
    fn few<L: Lanes, const FORMAT: usize>(self, lanes: L) {
        let Task { part, panels, output } = self.task;
        let activations = self.left.activations;
        for (number, panel) in panels.clone().enumerate() {
            let (column, ahead) = (number * ROWS, part.rest(panel, AHEAD));
            let panel = part.panel(panel);
            let mut row = 0;
            while row < output.len() {
                let to = &mut output[row..];
                let rows = |i: usize| activations.row(row + i);
                row += match to.len() {
                    4.. => coded::<L, FORMAT, 4>(lanes, [panel, ahead], rows, to, column, self.write),
                    2.. => coded::<L, FORMAT, 2>(lanes, [panel, ahead], rows, to, column, self.write),
                    _ => coded::<L, FORMAT, 1>(lanes, [panel, ahead], rows, to, column, self.write),
                };
            }
        }
    }

    #[inline(always)]
    fn floats<L: Lanes, const FORMAT: usize>(self, lanes: L) {
        let Task { part, panels, output } = self.task;
        let columns = self.left.columns;
        let mut number = 0;
        while number < panels.len() {
            let count = if panels.len() - number < 4 { 1 } else { 4 };
            let panel = |i: usize| part.panel(panels.start + number + i);
            let mut row = 0;
            while row < output.len() {
                let to = &mut output[row..];
                let rows = |i: usize| &self.left.x[(row + i) * columns..][..columns];
                let column = number * ROWS;
                row += match (to.len() >= 4, count) {
                    (true, 4) => floating::<L, FORMAT, 4, 4>(lanes, panel, rows, to, column, self.write),
                    (true, _) => floating::<L, FORMAT, 4, 1>(lanes, panel, rows, to, column, self.write),
                    (false, 4) => floating::<L, FORMAT, 1, 4>(lanes, panel, rows, to, column, self.write),
                    (false, _) => floating::<L, FORMAT, 1, 1>(lanes, panel, rows, to, column, self.write),
                };
            }
            number += count;
        }
    }
}

/// One tile of codes; how many rows it took.
#[inline(always)]
fn coded<'a, L: Lanes, const FORMAT: usize, const LEFT: usize>(
    lanes: L,
    [panel, ahead]: [&[u8]; 2],
    rows: impl Fn(usize) -> Row<'a>,
    output: &mut [&mut [f32]],
    column: usize,
    write: Write,
) -> usize {
    let tile = tile::tile::<L, FORMAT, LEFT>(lanes, panel, ahead, std::array::from_fn(rows));
    for (sums, output) in tile.iter().zip(output) {
        put(sums, &mut output[column..], write);
    }
    LEFT
}

/// One tile of floats; how many rows it took.
#[inline(always)]
fn floating<'a, L: Lanes, const FORMAT: usize, const LEFT: usize, const PANELS: usize>(
    lanes: L,
    panel: impl Fn(usize) -> &'a [u8],
    rows: impl Fn(usize) -> &'a [f32],
    output: &mut [&mut [f32]],
    column: usize,
    write: Write,
) -> usize {
    let panels = std::array::from_fn(panel);
    let tiles = float::tile::<L, FORMAT, LEFT, PANELS>(lanes, panels, std::array::from_fn(rows));
    for (number, tile) in tiles.iter().enumerate() {
        for (sums, output) in tile.iter().zip(output.iter_mut()) {
            put(sums, &mut output[column + number * ROWS..], write);
        }
    }
    LEFT
}

/// Writes a row of a tile; the last panel may be narrower.
#[inline(always)]
fn put(sums: &[f32; ROWS], output: &mut [f32], write: Write) {
    for (output, sum) in output.iter_mut().zip(sums) {
        *output = if write == Write::Set { *sum } else { *output + *sum };
    }
}

#[cfg(test)]
mod tests;
