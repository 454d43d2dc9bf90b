//! Telling quickly that nothing that is looked for is in a text: one pass over its bytes, whatever the number of forms.
//!
//! Of each form its first bytes are kept, at most eight, as one number. The last bytes of the text are kept as one, too;
//! where the last byte is that of a form's beginning, the numbers are compared.

/// What counts for nothing in a key that was wrapped.
pub(super) fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control()
}

/// The beginnings of what is looked for.
#[derive(Clone)]
pub(super) struct Sieve {
    /// Without regard to case and blanks.
    loose: Beginnings,
    exact: Beginnings,
}

#[derive(Clone)]
struct Beginnings {
    /// For each byte, whether a beginning ends in it.
    ends: [bool; 256],
    /// As numbers, with the bits that count.
    windows: Vec<(u64, u64)>,
}

impl Default for Sieve {
    fn default() -> Self {
        let nothing = Beginnings { ends: [false; 256], windows: Vec::new() };
        Self { loose: nothing.clone(), exact: nothing }
    }
}

impl Sieve {
    /// Adds the beginning of a form; for a loose one in small letters and without blanks.
    pub(super) fn add(&mut self, beginning: &[u8], loose: bool) {
        let beginning = &beginning[..beginning.len().min(8)];
        let Some(last) = beginning.last() else { return };
        let window = beginning.iter().fold(0, |window, byte| window << 8 | u64::from(*byte));
        let counts = u64::MAX >> (64 - 8 * beginning.len());
        let beginnings = if loose { &mut self.loose } else { &mut self.exact };
        beginnings.ends[usize::from(*last)] = true;
        beginnings.windows.push((counts, window));
    }

    /// Whether a beginning is in a text; if not, none of the forms is.
    pub(super) fn catches(&self, bytes: &[u8]) -> bool {
        let (mut loose, mut exact) = (0, 0);
        bytes.iter().any(|byte| {
            exact = exact << 8 | u64::from(*byte);
            if self.exact.end_in(*byte, exact) {
                return true;
            }
            if is_blank(*byte) {
                return false;
            }
            let byte = byte.to_ascii_lowercase();
            loose = loose << 8 | u64::from(byte);
            self.loose.end_in(byte, loose)
        })
    }
}

impl Beginnings {
    fn end_in(&self, last: u8, window: u64) -> bool {
        self.ends[usize::from(last)] && self.windows.iter().any(|(counts, own)| window & counts == *own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_caught_wherever_it_stands() {
        let mut sieve = Sieve::default();
        sieve.add(b"sk-live/zx9", true);
        sieve.add(b"azkey", false);
        for text in ["bad SK-\nli VE/rest", "sk-live/", "xazkeyx", "sk-sk-live/"] {
            assert!(sieve.catches(text.as_bytes()), "{text}");
        }
        for text in ["", "sk-live", "sk-liv/e", "AZKEY", "az key", "a text without it"] {
            assert!(!sieve.catches(text.as_bytes()), "{text}");
        }
        assert!(!Sieve::default().catches(b"anything"));
    }
}
