//! Long texts (and other bytes) as zlib streams, short ones as they are; compressor and decompressor are kept and reset, since setting
//! them up costs more than packing a prompt.
//!
//! Knows nothing of tables. Where texts are stored is in [`crate::row`].

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Texts shorter than this many bytes stay plain: people read them with any tool.
pub(crate) const SHORTEST_PACKED: usize = 512;

/// Level 1 codes letters without regard to how frequent they are, so journals get an eighth larger; levels above 2
/// take more time for hardly anything on texts of a few KB (`examples/appends.rs` measures both).
const LEVEL: u32 = 2;

/// No zlib stream expands by more than this factor (zlib's technical notes): what claims more is damaged.
const LARGEST_EXPANSION: usize = 1032;

/// Bytes of one text at most: 64 MiB. What claims more is no text of a run.
pub(crate) const MAX_TEXT: usize = 64 << 20;

/// Compresses one text after another.
pub(crate) struct Packer {
    stream: Compress,
    packed: Vec<u8>,
}

impl Packer {
    pub(crate) fn new() -> Self {
        Self { stream: Compress::new(Compression::new(LEVEL), true), packed: Vec::new() }
    }

    /// The zlib stream of a long text, `None` if the text is short or doesn't shrink by an eighth.
    pub(crate) fn pack(&mut self, text: &[u8]) -> Option<&[u8]> {
        if text.len() < SHORTEST_PACKED {
            return None;
        }
        self.stream.reset();
        self.packed.clear();
        // No room for a longer stream: one that doesn't end before isn't worth unpacking.
        let longest = text.len() - text.len() / 8;
        self.packed.reserve(longest);
        let status = self.stream.compress_vec(text, &mut self.packed, FlushCompress::Finish);
        let ended = matches!(status, Ok(Status::StreamEnd)) && self.packed.len() <= longest;
        ended.then_some(self.packed.as_slice())
    }

    /// Forgets a buffer that one huge text has made huge.
    pub(crate) fn trim(&mut self) {
        const KEPT: usize = 1 << 20;
        if self.packed.capacity() > KEPT {
            self.packed = Vec::new();
        }
    }
}

/// Decompresses one text after another.
pub(crate) struct Unpacker(Decompress);

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self(Decompress::new(true))
    }

    /// The `size` bytes in a zlib stream, or what is wrong with the stream.
    pub(crate) fn unpack(&mut self, packed: &[u8], size: usize) -> Result<Vec<u8>, &'static str> {
        if size > MAX_TEXT {
            return Err("a text is larger than 64 MiB");
        }
        if size / LARGEST_EXPANSION > packed.len() {
            return Err("a compressed text is shorter than its size allows");
        }
        self.0.reset(true);
        let mut text = Vec::with_capacity(size);
        let status = self.0.decompress_vec(packed, &mut text, FlushDecompress::Finish);
        if !matches!(status, Ok(Status::StreamEnd)) || text.len() != size {
            return Err("a compressed text can't be decompressed");
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(packer: &mut Packer, unpacker: &mut Unpacker, text: &str) -> Option<Vec<u8>> {
        packer.pack(text.as_bytes()).map(|packed| unpacker.unpack(packed, text.len()).unwrap())
    }

    #[test]
    fn a_short_text_stays_plain() {
        assert!(Packer::new().pack("a".repeat(SHORTEST_PACKED - 1).as_bytes()).is_none());
        assert!(Packer::new().pack("a".repeat(SHORTEST_PACKED).as_bytes()).is_some());
    }

    #[test]
    fn a_text_that_does_not_shrink_stays_plain() {
        // Seven random bits a byte: what a Huffman code saves, its table costs.
        let mut state = 1_u32;
        let mut letter = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from((state >> 25) as u8)
        };
        let noise: String = (0..SHORTEST_PACKED).map(|_| letter()).collect();
        let mut packer = Packer::new();
        assert_eq!(packer.pack(noise.as_bytes()), None);
        assert!(packer.pack(noise.repeat(2).as_bytes()).is_some_and(|packed| packed.len() < 2 * noise.len()));
    }

    #[test]
    fn a_wrong_size_is_an_error_and_no_allocation() {
        let text = "seed ".repeat(1000);
        let mut packer = Packer::new();
        let packed = packer.pack(text.as_bytes()).unwrap();
        for size in [0, 1, text.len() - 1, text.len() + 1, usize::MAX] {
            assert!(Unpacker::new().unpack(packed, size).is_err(), "{size}");
        }
        assert!(Unpacker::new().unpack(&packed[..packed.len() - 3], text.len()).is_err());
    }

    proptest! {
        #[test]
        fn packed_texts_come_back(texts in proptest::collection::vec(("\\PC{0,40}", 1..200_usize), 1..8)) {
            let (mut packer, mut unpacker) = (Packer::new(), Unpacker::new());
            for (piece, times) in texts {
                let text = piece.repeat(times);
                if let Some(back) = there_and_back(&mut packer, &mut unpacker, &text) {
                    prop_assert_eq!(back, text.into_bytes());
                }
            }
        }
    }
}
