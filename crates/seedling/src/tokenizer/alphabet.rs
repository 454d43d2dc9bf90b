//! The alphabet in which byte-level tokenizers write bytes: a visible character for each of the 256.

/// The character that stands for a byte: itself if it is visible Latin-1, otherwise one from U+0100 on, in order.
pub(super) fn char_of(byte: u8) -> char {
    if is_itself(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|other| !is_itself(*other)).count() as u32;
    char::from_u32(0x100 + before).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn is_itself(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

/// The way back, as a table.
pub(super) struct Alphabet {
    /// By code point; the alphabet ends at U+0143.
    bytes: [Option<u8>; 0x144],
}

impl Alphabet {
    pub(super) fn new() -> Self {
        let mut bytes = [None; 0x144];
        for byte in 0..=255_u8 {
            bytes[char_of(byte) as usize] = Some(byte);
        }
        Self { bytes }
    }

    /// The bytes of a text; `None` if one of its characters stands for none.
    pub(super) fn bytes(&self, text: &str) -> Option<Vec<u8>> {
        text.chars().map(|c| self.bytes.get(c as usize).copied().flatten()).collect()
    }
}
