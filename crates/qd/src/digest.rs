//! The `archive_hash`: one short string that two archives share exactly if they hold the same.

use sha2::{Digest, Sha256};

use crate::Archive;

impl Archive {
    /// SHA-256 (its first 32 hexadecimal digits) over the number of cells and, by cell and rank, every entry's cell,
    /// objective, measures and genome. Neither ids nor the order of filling count, so a history that is replayed
    /// gives the hash of the run that wrote it.
    pub fn digest(&self, genome: &mut dyn FnMut(u64) -> Vec<u8>) -> String {
        let mut hasher = Sha256::new();
        hasher.update((self.tessellation().cells() as u64).to_le_bytes());
        for elite in self.iter() {
            hasher.update((elite.cell as u64).to_le_bytes());
            hasher.update(bits(elite.objective));
            for measure in elite.measures {
                hasher.update(bits(*measure));
            }
            let genome = genome(elite.id);
            hasher.update((genome.len() as u64).to_le_bytes());
            hasher.update(&genome);
        }
        hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The bits of a number; the two zeros are one number.
fn bits(x: f64) -> [u8; 8] {
    (x + 0.0).to_bits().to_le_bytes()
}
