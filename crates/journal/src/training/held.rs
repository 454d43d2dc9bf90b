//! Which samples are held out: a draw by content and seed, so that equal contents are always on one side, whatever
//! runs they come from.

use sha2::{Digest as _, Sha256};

/// A draw.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldOut {
    /// The part to hold out, 0 to 1.
    pub share: f64,
    /// What is drawn by.
    pub seed: u64,
}

impl HeldOut {
    /// Whether what has this content is held out.
    pub(super) fn holds(&self, content: &[u8]) -> bool {
        let mut hasher = Sha256::new();
        hasher.update(b"samara held out");
        hasher.update(self.seed.to_le_bytes());
        hasher.update(content);
        let digest = hasher.finalize();
        // 53 bits: every value is exact, and below 1.
        let drawn = digest.iter().take(8).fold(0_u64, |drawn, byte| (drawn << 8) | u64::from(*byte)) >> 11;
        (drawn as f64) / ((1_u64 << 53) as f64) < self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_the_wanted_part_is_held_out_and_another_seed_holds_out_others() {
        let held = |seed, share| {
            let held = HeldOut { share, seed };
            (0..2000_u32).filter(|i| held.holds(&i.to_le_bytes())).collect::<Vec<_>>()
        };
        assert!((150..250).contains(&held(0, 0.1).len()));
        assert_ne!(held(0, 0.1), held(1, 0.1));
        assert_eq!((held(0, 0.0).len(), held(0, 1.0).len()), (0, 2000));
    }
}
