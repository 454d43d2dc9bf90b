//! The archive's hash: equal for two archives that hold the same genomes with the same results in the same cells,
//! however they came there. It does not depend on ids, which number the run's candidates, nor on the order in
//! which cells were filled.

use sha2::{Digest, Sha256};

use crate::archive::Archive;

impl Archive {
    /// The first 32 hexadecimal digits of a SHA-256 over the number of cells and, by cell and then rank, each
    /// entry's cell, objective, measures (-0.0 as 0.0), length of the genome and genome. Numbers enter as 8 bytes,
    /// little-endian. `genome` gives the bytes of an entry's genome by id.
    pub fn digest<G: AsRef<[u8]>>(&self, mut genome: impl FnMut(u64) -> G) -> String {
        let mut hash = Sha256::new();
        hash.update(whole(self.tessellation().cells()));
        for elite in self.iter() {
            hash.update(whole(elite.cell));
            hash.update(real(elite.objective));
            elite.measures.iter().for_each(|&x| hash.update(real(x)));
            let genome = genome(elite.id);
            hash.update(whole(genome.as_ref().len()));
            hash.update(genome.as_ref());
        }
        hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn whole(n: usize) -> [u8; 8] {
    (n as u64).to_le_bytes()
}

fn real(x: f64) -> [u8; 8] {
    // Adding zero turns -0.0 into 0.0 and leaves every other number as it is.
    (x + 0.0).to_bits().to_le_bytes()
}
