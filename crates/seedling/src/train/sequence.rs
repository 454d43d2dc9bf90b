//! What a model is trained on: tokens, and what it should say at some of them.

use std::ops::Range;

/// One training document, or several that begin alike: the trunk is computed once, and every branch goes on from its
/// end as if it were alone with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sequence {
    /// The tokens: the trunk's, then branch by branch.
    pub tokens: Vec<u32>,
    /// What should follow some tokens.
    pub targets: Vec<Target>,
    /// Where each branch starts in the tokens, in order; none for a plain document.
    pub branches: Vec<usize>,
}

/// Tokens that attend to themselves and, before that, to a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// How many tokens of the trunk they see.
    pub trunk: usize,
    /// Where they lie in the tokens.
    pub own: Range<usize>,
}

impl Sequence {
    /// The trunk and the branches.
    pub fn parts(&self) -> Vec<Part> {
        let trunk = self.branches.first().copied().unwrap_or(self.tokens.len());
        let ends = self.branches.iter().skip(1).copied().chain([self.tokens.len()]);
        let branches = self.branches.iter().zip(ends).map(|(start, end)| Part { trunk, own: *start..end });
        [Part { trunk: 0, own: 0..trunk }].into_iter().chain(branches).collect()
    }

    /// The longest context that any of its tokens sees.
    pub fn context(&self) -> usize {
        self.parts().iter().map(|part| part.trunk + part.own.len()).max().unwrap_or(0)
    }
}

/// What should follow a token. Several of one position with weights p and 1 - p make a soft target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Which token of the sequence it follows; targets come in this order.
    pub position: usize,
    /// The token that should follow.
    pub token: u32,
    /// How much it counts. Below 0 the token should not follow, which only a policy's gradient asks for.
    pub weight: f32,
}
