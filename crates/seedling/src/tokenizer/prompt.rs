//! Tokens of a chat: special where the template wrote them, and nowhere else.

use super::Tokenizer;
use crate::chat::Prompt;

impl Tokenizer {
    /// The tokens of a chat. Names of special tokens stand for them where the template wrote them; in what is said they
    /// are text like any other. The token to put before a text is put there unless the template did so, or the file
    /// says that none is.
    pub fn encode_prompt(&self, prompt: &Prompt) -> Vec<u32> {
        let mut ids = Vec::with_capacity(prompt.text.len() / 3);
        self.specials.split(&prompt.text, true, &mut |start, piece| match piece {
            Ok(piece) => self.encode_part(&piece.replace(prompt.seam, ""), start == 0, false, &mut ids),
            Err(id) => ids.push(id),
        });
        if let Some(bos) = self.bos.filter(|bos| ids.first() != Some(bos)) {
            ids.insert(0, bos);
        }
        ids
    }

    /// A text with a seam in every name of a special token, and in what a neighbour could complete to one at its ends.
    pub(crate) fn guard(&self, text: &str, seam: char) -> String {
        let mut cuts = self.specials.places(text).map(|at| at + char_len_at(text, at)).collect::<Vec<_>>();
        let inner = text.trim();
        let start = text.len() - text.trim_start().len();
        cuts.extend(self.open_ends(inner).map(|at| start + at));
        cuts.sort_unstable();
        cuts.dedup();
        let mut guarded = String::with_capacity(text.len() + cuts.len() * seam.len_utf8());
        let mut from = 0;
        for cut in cuts {
            guarded.push_str(&text[from..cut]);
            guarded.push(seam);
            from = cut;
        }
        guarded + &text[from..]
    }

    /// Where to cut a text so that no special token reaches over its beginning or end.
    fn open_ends<'a>(&'a self, text: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.specials.texts().flat_map(move |name| {
            let lengths = name.char_indices().map(|(at, _)| at).filter(|at| *at > 0);
            let before = |rest: &str| rest.len() - rest.chars().next_back().map_or(0, char::len_utf8);
            let heads = lengths.clone().filter(|at| text.starts_with(&name[*at..]));
            let tails = lengths.filter(|at| text.ends_with(&name[..*at]));
            let heads = heads.map(move |at| before(&name[at..]));
            let tails = tails.map(move |at| text.len() - at + char_len_at(name, 0));
            let inside = name.contains(text) && !text.is_empty();
            heads.chain(tails).chain(inside.then_some(text.len()))
        })
    }
}

/// Bytes of the character that begins there.
fn char_len_at(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}
