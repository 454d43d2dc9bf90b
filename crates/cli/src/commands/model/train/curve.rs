//! The loss over steps as a picture of block characters.

/// Most columns of the picture.
const COLUMNS: usize = 64;

/// Its rows; each has eight steps.
const ROWS: usize = 8;

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the means of even runs of steps, the heights logarithmic: a loss falls fast at first and slowly for long.
pub(crate) fn draw(losses: &[f64]) -> String {
    let columns = means(losses);
    let lo = columns.iter().copied().fold(f64::INFINITY, f64::min);
    let hi = columns.iter().copied().fold(0.0, f64::max);
    if columns.is_empty() {
        return String::new();
    }
    let height = |loss: f64| {
        let share = if hi > lo { (loss / lo).ln() / (hi / lo).ln() } else { 0.0 };
        // The lowest column has a mark, too.
        1 + (share * (ROWS * 8 - 1) as f64).round() as usize
    };
    let heights: Vec<usize> = columns.iter().map(|loss| height(*loss)).collect();
    let mut text = String::new();
    for row in (0..ROWS).rev() {
        let label = match row {
            _ if row == ROWS - 1 => format!("{hi:.3}"),
            0 => format!("{lo:.3}"),
            _ => String::new(),
        };
        let blocks: String =
            heights.iter().map(|height| BLOCKS[height.saturating_sub(row * 8).min(8)]).collect();
        text += format!("  {label:>7}  {blocks}").trim_end();
        text += "\n";
    }
    let last = losses.len().to_string();
    let gap = columns.len().saturating_sub(1 + last.len());
    text + &format!("     step  1{:gap$}{last}\n", "")
}

/// Means of up to 64 even runs.
fn means(losses: &[f64]) -> Vec<f64> {
    let count = losses.len().min(COLUMNS);
    (0..count)
        .map(|column| {
            let run = &losses[column * losses.len() / count..(column + 1) * losses.len() / count];
            // A logarithm needs something above 0.
            (run.iter().sum::<f64>() / run.len() as f64).max(1e-9)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_falling_loss_falls() {
        let losses: Vec<f64> = (0..1000).map(|step| 1.5 + 6.8 * (-f64::from(step) / 120.0).exp()).collect();
        insta::assert_snapshot!(draw(&losses));
    }

    #[test]
    fn few_or_equal_losses_are_drawn_as_well() {
        assert_eq!(draw(&[]), "");
        assert!(draw(&[2.0]).contains('▁'));
        assert_eq!(draw(&[2.0; 100]).matches('▁').count(), COLUMNS);
        assert!(draw(&[0.0, 0.0, 1.0]).contains('█'));
    }
}
