//! A rendered chat in which it is still known what is markup and what somebody said.

/// Noncharacters, which no text that is exchanged may contain: any of them can mark a seam.
const SEAMS: std::ops::RangeInclusive<char> = '\u{FDD0}'..='\u{FDEF}';

/// A chat as a model reads it.
///
/// Markup and what is said are one text here, as templates make it. So that a message in which `<|im_end|>` is written
/// ends nothing, such names are cut by a seam before the template sees them: a character that stands nowhere else. Names
/// of special tokens without one are the template's, and stand for their tokens; then seams are taken out, and the
/// rest is plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub(crate) text: String,
    pub(crate) seam: char,
}

impl Prompt {
    /// The text, in which markup looks like what is said: to be shown, not to be encoded.
    pub fn text(&self) -> String {
        self.text.replace(self.seam, "")
    }
}

/// A character to mark seams with: one that none of the texts has.
pub(super) fn seam(texts: &[&str]) -> Option<char> {
    SEAMS.into_iter().find(|seam| !texts.iter().any(|text| text.contains(*seam)))
}
