//! What a model is trained on: tokens, and what it should say at some of them.

/// One training document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sequence {
    /// The tokens, from position 0.
    pub tokens: Vec<u32>,
    /// What should follow some positions.
    pub targets: Vec<Target>,
}

/// What should follow a position. Several of one position with weights p and 1 - p make a soft target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// The position whose next token is meant; targets come in the order of their positions.
    pub position: usize,
    /// The token that should follow.
    pub token: u32,
    /// How much it counts, 0 or more.
    pub weight: f32,
}
