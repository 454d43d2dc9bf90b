//! `diff`: the generator writes a diff of the parent, in the notation of ELM's diff models.
//!
//! The prompt is `<NME> file`, `<BEF> text`, `<MSG> message`, `<DFF>`; the completion is a unified diff. Models count
//! lines badly and forget signs, so that a hunk is placed by its text, not by its numbers, and what can't be placed or
//! read is skipped.

use super::{prompt::Format, writer::MAX_BYTES};
use crate::fences;

/// What a chat model is told above the prompt, unless `instructions` is set.
pub const INSTRUCTIONS: &str = "Below are a file (<BEF>) and what to change in it (<MSG>). Reply with a unified diff of \
                                the file that does so, in one fenced block, and nothing else.";

/// Stop sequences sent with the request: the beginning of another record.
pub const STOPS: [&str; 4] = ["<|endoftext|>", "<NME>", "<BEF>", "<MSG>"];

/// The prompt that asks for a diff of `parent`.
pub fn ask(format: &Format, parent: &str, message: &str) -> String {
    format!("<NME> {}\n<BEF> {}\n<MSG> {message}\n<DFF>", format.file, parent.trim_end())
}

/// One hunk: the lines that it finds and the lines that it leaves.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hunk<'a> {
    before: Vec<&'a str>,
    after: Vec<&'a str>,
    changes: bool,
    /// Whether a line `@@ ... @@` begins it.
    headed: bool,
}

/// The text with every hunk of an answer that fits: those of its last fenced block that changes something, or of all of
/// it. Unchanged if none fits.
pub fn apply(text: &str, answer: &str) -> String {
    let blocks = fences::blocks(answer);
    let fenced = blocks.iter().rfind(|block| !hunks(&block.text).is_empty());
    patch(text, fenced.map_or(answer, |block| &block.text))
}

/// The text with every hunk of `diff` that fits. What would outgrow a program ends it.
///
/// A hunk's context and removed lines are looked for behind the last hunk's place, then from the start; lines are
/// compared exactly, then without the blanks at their ends, then without those at both. A hunk that only adds lines
/// adds them before the first line, as OpenELM's diff models have it, if it has a header and no hunk has a place yet.
fn patch(text: &str, diff: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut from = 0;
    let mut placed = false;
    let limit = MAX_BYTES.max(text.len());
    let mut length = text.len();
    for hunk in hunks(diff) {
        // No more than a program may have, so that an answer's length alone says how long this takes.
        if length > limit {
            break;
        }
        let place = if hunk.before.is_empty() {
            (lines.is_empty() || hunk.headed && !placed).then_some(0)
        } else {
            find(&lines, &hunk, from)
        };
        let Some(place) = place else { continue };
        placed = true;
        let added: Vec<String> = hunk.after.iter().map(|line| (*line).to_owned()).collect();
        from = place + added.len();
        let size = |lines: &[&str]| lines.iter().map(|line| line.len() + 1).sum::<usize>();
        length = (length + size(&hunk.after)).saturating_sub(size(&hunk.before));
        lines.splice(place..place + hunk.before.len(), added);
    }
    let mut changed = lines.join("\n");
    if !changed.is_empty() && (text.ends_with('\n') || text.is_empty()) {
        changed.push('\n');
    }
    if lines.iter().map(String::as_str).eq(text.lines()) { text.to_owned() } else { changed }
}

/// The hunks of a diff that change something.
fn hunks(diff: &str) -> Vec<Hunk<'_>> {
    let end = STOPS.iter().filter_map(|stop| diff.find(stop)).min().unwrap_or(diff.len());
    let mut hunks = vec![Hunk::default()];
    // A line without a sign ends its hunk; nothing counts until the next one begins.
    let mut open = true;
    for line in diff[..end].lines() {
        // A file's name begins a hunk as well, behind sentences.
        if line.starts_with("@@") || (!open && (line.starts_with("--- ") || line.starts_with("+++ "))) {
            hunks.push(Hunk { headed: line.starts_with("@@"), ..Hunk::default() });
            open = true;
        } else if let Some(hunk) = hunks.last_mut().filter(|_| open) {
            open = hunk.read(line);
        }
    }
    hunks.iter_mut().for_each(trim);
    hunks.retain(|hunk| hunk.changes);
    hunks
}

impl<'a> Hunk<'a> {
    /// Takes a line in; false if it is none of a diff.
    fn read(&mut self, line: &'a str) -> bool {
        // The lines that name the files, and the remark about a missing line break.
        if line.starts_with("--- ") || line.starts_with("+++ ") || line.starts_with('\\') {
            return true;
        }
        if let Some(added) = line.strip_prefix('+') {
            self.after.push(added);
            self.changes = true;
        } else if let Some(removed) = line.strip_prefix('-') {
            self.before.push(removed);
            self.changes = true;
        } else if let Some(context) = line.strip_prefix(' ') {
            self.before.push(context);
            self.after.push(context);
        } else if line.is_empty() {
            // Context whose blank got lost, unless nothing has begun.
            if !(self.before.is_empty() && self.after.is_empty()) {
                self.before.push("");
                self.after.push("");
            }
        } else {
            return false;
        }
        true
    }
}

/// Empty lines at the end of a hunk are mostly the completion's, not the text's.
fn trim(hunk: &mut Hunk<'_>) {
    while hunk.before.last() == Some(&"") && hunk.after.last() == Some(&"") {
        hunk.before.pop();
        hunk.after.pop();
    }
}

/// Where the hunk's lines are, by ever looser comparison.
fn find(lines: &[String], hunk: &Hunk<'_>, from: usize) -> Option<usize> {
    let wanted = &hunk.before;
    let last = lines.len().checked_sub(wanted.len()).filter(|_| !wanted.is_empty())?;
    let same: [fn(&str, &str) -> bool; 3] =
        [|a, b| a == b, |a, b| a.trim_end() == b.trim_end(), |a, b| a.trim() == b.trim()];
    same.iter().find_map(|same| {
        let fits = |place: &usize| lines[*place..].iter().zip(wanted).all(|(line, want)| same(line, want));
        (from..=last).find(fits).or_else(|| (0..=last.min(from)).find(fits))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "def draw():\n    a = 1\n    b = 2\n    return a\n";

    #[test]
    fn a_prompt_is_a_record_without_its_diff() {
        let format = Format { file: "draw.py".into(), ..Format::default() };
        insta::assert_snapshot!(ask(&format, TEXT, "Draw a disc."), @r"
        <NME> draw.py
        <BEF> def draw():
            a = 1
            b = 2
            return a
        <MSG> Draw a disc.
        <DFF>
        ");
    }

    #[test]
    fn hunks_are_placed_by_their_text_and_not_by_their_numbers() {
        let diff = " @@ -90,3 +70,3 @@\n     a = 1\n-    b = 2\n+    b = 3\n     return a\n";
        assert_eq!(apply(TEXT, &diff[1..]), TEXT.replace("b = 2", "b = 3"));
        let without_header = "-    a = 1\n+    a = 5\n";
        assert_eq!(apply(TEXT, without_header), TEXT.replace("a = 1", "a = 5"));
    }

    #[test]
    fn names_of_files_and_remarks_are_passed_over() {
        let diff = "\n--- a/draw.py\n+++ b/draw.py\n@@ -1 +1 @@\n-    b = 2\n+    b = 3\n\\ No newline at end of file\n";
        assert_eq!(apply(TEXT, diff), TEXT.replace("b = 2", "b = 3"));
    }

    #[test]
    fn parts_that_do_not_fit_are_skipped_and_the_others_applied() {
        let diff = "@@ -1 +1 @@\n-    z = 9\n+    z = 8\n@@ nonsense\n-    b = 2\n+    b = 3\nwithout a sign\n-    a = 1\n@@ -7 +7 @@\n+    lost = 1\n";
        assert_eq!(apply(TEXT, diff), TEXT.replace("b = 2", "b = 3"));
        for diff in
            ["", "@@", "@@ -1 +1 @@\n", "-", "no diff at all", "-    c = 1\n", "+    c = 1\n", " \n \n"]
        {
            assert_eq!(apply(TEXT, diff), TEXT, "{diff:?}");
        }
    }

    #[test]
    fn a_hunk_that_only_adds_lines_adds_them_before_the_first() {
        let added = "@@ -1,0 +1,1 @@\n+import math\n";
        assert_eq!(apply(TEXT, added), format!("import math\n{TEXT}"));
        assert_eq!(apply(TEXT, &added.repeat(2)), format!("import math\n{TEXT}"), "once");
        let both = format!("{added}@@ -3 +4 @@\n-    b = 2\n+    b = 3\n");
        assert_eq!(apply(TEXT, &both), format!("import math\n{}", TEXT.replace("b = 2", "b = 3")));
        let behind = format!("@@ -3 +3 @@\n-    b = 2\n+    b = 3\n{added}");
        assert_eq!(apply(TEXT, &behind), TEXT.replace("b = 2", "b = 3"), "behind another it has no place");
    }

    #[test]
    fn blanks_that_models_lose_do_not_matter() {
        let diff = "@@ @@\n a = 1\n-b = 2\n+    b = 3\n";
        assert_eq!(apply(TEXT, diff), "def draw():\na = 1\n    b = 3\n    return a\n");
        let text = "x = 1\n\ny = 2\n";
        assert_eq!(
            apply(text, " x = 1\n\n-y = 2\n+y = 3\n\n\n"),
            "x = 1\n\ny = 3\n",
            "an empty context line"
        );
    }

    #[test]
    fn equal_lines_are_changed_one_after_the_other() {
        let text = "a\nx\na\nx\na\n";
        let one = "@@ @@\n-a\n+b\n";
        assert_eq!(apply(text, one), "b\nx\na\nx\na\n");
        assert_eq!(apply(text, &one.repeat(3)), "b\nx\nb\nx\nb\n");
        assert_eq!(apply(text, &one.repeat(4)), "b\nx\nb\nx\nb\n");
    }

    #[test]
    fn chats_fence_their_diffs_and_talk_about_them() {
        let expected = TEXT.replace("b = 2", "b = 3");
        for answer in [
            "```diff\n@@ -1 +1 @@\n-    b = 2\n+    b = 3\n```\n- Changed b.\n",
            "Sure! Here is the diff:\n\n```diff\n--- draw.py\n+++ draw.py\n@@ -2 +2 @@\n-    b = 2\n+    b = 3\n```\nIt changes b.",
            "Here is the diff:\n--- draw.py\n+++ draw.py\n-    b = 2\n+    b = 3\n",
            "diff --git a/draw.py b/draw.py\nindex 1..2\n--- a/draw.py\n+++ b/draw.py\n@@ -2 +2 @@\n-    b = 2\n+    b = 3\n",
            "The line:\n```\nb = 2\n```\nThe diff:\n~~~\n-    b = 2\n+    b = 3\n~~~\n",
        ] {
            assert_eq!(apply(TEXT, answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn a_diff_that_outgrows_a_program_is_not_followed_to_its_end() {
        let grows = "@@ @@\n x\n+x\n".repeat(100_000);
        let grown = apply("x\n", &grows);
        assert!((MAX_BYTES..MAX_BYTES + 100).contains(&grown.len()), "{} bytes", grown.len());
    }

    #[test]
    fn an_empty_text_can_be_begun() {
        assert_eq!(apply("", "@@ -0,0 +1,2 @@\n+a\n+b\n"), "a\nb\n");
    }

    #[test]
    fn another_record_ends_the_diff() {
        assert_eq!(
            apply(TEXT, "-    b = 2\n+    b = 3\n<NME> x\n-    a = 1\n"),
            TEXT.replace("b = 2", "b = 3")
        );
    }

    /// The whole text as one hunk that leaves another text.
    fn whole(from: &[String], to: &[String]) -> String {
        let removed = from.iter().map(|line| format!("-{line}\n"));
        let added = to.iter().map(|line| format!("+{line}\n"));
        format!("@@ @@\n{}", removed.chain(added).collect::<String>())
    }

    proptest! {
        #[test]
        fn any_text_is_applied_without_a_panic(text in "(\\PC|\n){0,80}", diff in "(\\PC|\n|[ +-]|@@){0,80}") {
            let changed = apply(&text, &diff);
            prop_assert_eq!(apply(&text, &diff), changed);
        }

        #[test]
        fn a_well_formed_hunk_does_what_it_says(
            from in prop::collection::vec("[a-z]{1,3}", 1..6),
            to in prop::collection::vec("[a-z]{1,3}", 1..6),
        ) {
            let text: String = from.iter().map(|line| format!("{line}\n")).collect();
            let expected: String = to.iter().map(|line| format!("{line}\n")).collect();
            prop_assert_eq!(apply(&text, &whole(&from, &to)), expected);
        }
    }
}
