//! How an answer becomes a text: taken out of its wrapping, cut where the list of the prompt goes on, and closed. A
//! function of strings.

use super::{closing::closed, wrapping::Wrapping};
use crate::answer;

/// Where a text is cut, unless `environment.cuts` is set: at the line between two examples of a prompt, and at a mark
/// that training texts end with.
pub const CUTS: [&str; 2] = ["###", "@@@"];

/// Stop sequences sent with the request, unless `environment.stop` is set. Nothing that a text of several paragraphs or a
/// chat model's first line may hold.
pub const STOPS: [&str; 2] = ["\n###", "@@@"];

/// Reads the answers to prompts of one experiment.
#[derive(Debug)]
pub struct Reader {
    wrapping: Wrapping,
    cuts: Vec<String>,
}

impl Reader {
    /// A reader of answers to prompts of this template; texts end before the first of `cuts`.
    pub fn new(template: &str, cuts: Vec<String>) -> Self {
        Self { wrapping: Wrapping::new(template), cuts }
    }

    /// The text of an answer: without what is wrapped around it, cut, trimmed, and closed if its script asks for it.
    /// Empty if there is none. Reading it again changes nothing.
    pub fn read(&self, answer: &str) -> String {
        let inner = self.wrapping.unwrap(&answer::text(answer), |text| self.end(text));
        closed(inner)
    }

    /// Where a text ends: at the first cut, or at a line that is the template again.
    fn end(&self, text: &str) -> usize {
        let cut = self.cuts.iter().filter_map(|cut| text.find(cut.as_str())).min().unwrap_or(text.len());
        let again = text[..cut].match_indices('\n').map(|(at, _)| at).find(|at| {
            let line = text[at + 1..cut].lines().next().unwrap_or_default();
            self.wrapping.is_template(line)
        });
        again.unwrap_or(cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(answer: &str) -> String {
        Reader::new("Here is another poem:", CUTS.map(str::to_owned).to_vec()).read(answer)
    }

    #[test]
    fn a_base_models_list_is_cut_where_it_goes_on() {
        for (answer, text) in [
            ("\n\n I like peas", "I like peas."),
            ("I like peas!\n###\nSay: more", "I like peas!"),
            ("peas@@@", "peas."),
            ("peas.\nHere is another poem:\nbeans", "peas."),
            ("she said \"peas.\"", "she said \"peas.\""),
            ("### peas", ""),
            ("\n###\nHere is another poem:\npeas", ""),
            ("  \n ", ""),
            ("", ""),
        ] {
            assert_eq!(read(answer), text, "{answer:?}");
        }
    }

    #[test]
    fn a_poem_of_several_stanzas_stays_whole() {
        let poem = "The fields are green, the day is long,\nthe river hums an early song.\n\nHere comes the evening, soft and \
                    slow,\n#summer written on the snow,\na second stanza, as you know.";
        assert_eq!(read(&format!("\n{poem}")), poem);
        assert_eq!(read(&format!("Sure! Here's a poem:\n\n{poem}\n\nLet me know if you'd like more!")), poem);
        assert_eq!(read(&format!("\n{poem}\n###\nHere is another poem:\nPeas.")), poem);
    }

    #[test]
    fn cuts_that_are_set_replace_the_usual_ones() {
        let reader = Reader::new("Say:", vec!["\n\n".into()]);
        assert_eq!(reader.read("Sure!\n\nPeas ### beans\n\nMore."), "Peas ### beans.");
    }

    proptest! {
        #[test]
        fn reading_twice_changes_nothing(
            answer in "(\\PC|\n|\n\n|Sure!|Here is another poem:|Poem: |###|@@@|```|\"|\\*\\*|1\\. |- |> |---|# |peas|\\.|Let me know if you'd like more|This poem captures|Explanation:|Certainly){0,12}"
        ) {
            let once = read(&answer);
            prop_assert_eq!(read(&once), once);
        }
    }

    #[test]
    fn the_longest_answers_are_read_in_one_pass() {
        // Each would take minutes if a step looked at the whole answer for every line.
        for unit in [
            "Sure!\n\n",
            "\n",
            "Poem: ",
            "1. ",
            "> ",
            ">",
            "\"",
            "*",
            "```\n",
            "# a\n",
            "---\n",
            "a\n\n",
            "Explanation\n\n",
            "a\n\nLet me know if you'd like more\n\n",
            "Here is another poem:\n",
            "Here is another poem: ",
            "a: ",
            "' ",
        ] {
            let answer = unit.repeat(1_000_000 / unit.len());
            assert!(read(&answer).len() <= answer.len() + 3, "{unit:?}");
        }
    }
}
