//! The `archive_hash`: one short string that two archives share exactly if they hold the same.

use sha2::{Digest, Sha256};

use crate::{Archive, Elite};

impl Archive {
    /// SHA-256 (its first 32 hexadecimal digits) over the number of cells and, by cell and rank, every entry's cell,
    /// objective, measures and genome. Neither ids nor the order of filling count, so a history that is replayed
    /// gives the hash of the run that wrote it. Without cells, which place an elite has does not count either.
    pub fn digest(&self, genome: &mut dyn FnMut(u64) -> Vec<u8>) -> String {
        let mut hasher = Sha256::new();
        hasher.update((self.tessellation().cells() as u64).to_le_bytes());
        if self.places().is_some() {
            let mut all: Vec<_> = self
                .iter()
                .map(|elite| {
                    let mut hasher = Sha256::new();
                    entry(&mut hasher, &elite, &genome(elite.id));
                    hasher.finalize()
                })
                .collect();
            all.sort_unstable();
            all.iter().for_each(|one| hasher.update(one));
        } else {
            for elite in self.iter() {
                hasher.update((elite.cell as u64).to_le_bytes());
                entry(&mut hasher, &elite, &genome(elite.id));
            }
        }
        hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn entry(hasher: &mut Sha256, elite: &Elite<'_>, genome: &[u8]) {
    hasher.update(bits(elite.objective));
    for measure in elite.measures {
        hasher.update(bits(*measure));
    }
    hasher.update((genome.len() as u64).to_le_bytes());
    hasher.update(genome);
}

/// The bits of a number; the two zeros are one number.
fn bits(x: f64) -> [u8; 8] {
    (x + 0.0).to_bits().to_le_bytes()
}
