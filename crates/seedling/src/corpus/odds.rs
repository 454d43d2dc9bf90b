//! What is true of a text, as log-odds.

/// Odds beyond this are cut off.
pub const LIMIT: f64 = 6.5;

/// The probability that belongs to log-odds.
pub fn probability(odds: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-odds))
}
