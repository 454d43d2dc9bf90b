//! The inner kernel of weights that are floats: summed from the first column to the last, with fused multiply-adds.

use super::{format::Format, lanes::Lanes, panel::ROWS};

/// `LEFT` rows times `PANELS` panels of floats in format number `FORMAT` of [`Format::ALL`].
#[inline(always)]
pub(super) fn tile<L: Lanes, const FORMAT: usize, const LEFT: usize, const PANELS: usize>(
    lanes: L,
    panels: [&[u8]; PANELS],
    rows: [&[f32]; LEFT],
) -> [[[f32; ROWS]; LEFT]; PANELS] {
    let mut sums = [[lanes.splat(0.0); LEFT]; PANELS];
    let width = const { if matches!(Format::ALL[FORMAT], Format::F32) { 4 * ROWS } else { 2 * ROWS } };
    for k in 0..panels[0].len() / width {
        let x = rows.map(
            #[inline(always)]
            |row| lanes.splat(row[k]),
        );
        for (sums, panel) in sums.iter_mut().zip(panels) {
            let weights = weights::<L, FORMAT>(lanes, &panel[k * width..]);
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum = lanes.multiply_add(x, weights, *sum);
            }
        }
    }
    sums.map(
        #[inline(always)]
        |sums| {
            sums.map(
                #[inline(always)]
                |sum| lanes.store(sum),
            )
        },
    )
}

#[inline(always)]
fn weights<L: Lanes, const FORMAT: usize>(lanes: L, bytes: &[u8]) -> L::Floats {
    match Format::ALL[FORMAT] {
        Format::F32 => lanes.singles(bytes.first_chunk().unwrap_or(&[0; 4 * ROWS])),
        Format::F16 => lanes.halves(bytes.first_chunk().unwrap_or(&[0; 2 * ROWS])),
        _ => lanes.uppers(bytes.first_chunk().unwrap_or(&[0; 2 * ROWS])),
    }
}
