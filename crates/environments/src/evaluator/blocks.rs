//! EVOLVE-BLOCK markers: which parts of a file may change.
//!
//! A block is what stands between a line with `EVOLVE-BLOCK-START` and the next one with `EVOLVE-BLOCK-END`. A file
//! without markers is one block.

use std::ops::Range;

/// What a line holds that begins a block.
pub(super) const START: &str = "EVOLVE-BLOCK-START";
/// What a line holds that ends one.
pub(super) const END: &str = "EVOLVE-BLOCK-END";

/// Whether a text has any marker.
pub(super) fn has_markers(text: &str) -> bool {
    text.contains(START) || text.contains(END)
}

/// The insides of a text's blocks, in bytes: whole lines. All of a text without markers.
///
/// # Errors
/// Markers that don't come in pairs, with the line.
pub(super) fn ranges(text: &str) -> Result<Vec<Range<usize>>, String> {
    if !has_markers(text) {
        return Ok(std::iter::once(0..text.len()).collect());
    }
    let (mut ranges, mut open, mut at) = (Vec::new(), None, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let end = at + line.len();
        match (line.contains(START), line.contains(END), open) {
            (true, false, None) => open = Some(end),
            (false, true, Some(start)) => {
                ranges.push(start..at);
                open = None;
            }
            (false, false, _) => {}
            (true, true, _) => return Err(format!("line {} both starts and ends a block", number + 1)),
            (true, false, Some(_)) => {
                return Err(format!("line {} starts a block inside another one", number + 1));
            }
            (false, true, None) => return Err(format!("line {} ends a block that none started", number + 1)),
        }
        at = end;
    }
    match open {
        Some(_) => Err(format!("a block that {START} begins is never ended by {END}")),
        None => Ok(ranges),
    }
}

/// `draft` with everything outside its blocks as `original` has it: what a model changed there is undone.
///
/// # Errors
/// The draft's markers are damaged, or it has another number of blocks.
pub(super) fn restored(original: &str, draft: &str) -> Result<String, String> {
    if !has_markers(original) {
        return Ok(draft.to_owned());
    }
    let (kept, changed) = (ranges(original)?, ranges(draft)?);
    if !has_markers(draft) || kept.len() != changed.len() {
        let found = if has_markers(draft) { changed.len() } else { 0 };
        return Err(format!("it has {found} EVOLVE-BLOCKs, and the program has {}", kept.len()));
    }
    let mut text = String::new();
    let mut at = 0;
    for (outside, inside) in kept.iter().zip(&changed) {
        text += &original[at..outside.start];
        text += &draft[inside.clone()];
        if !text.ends_with('\n') {
            text.push('\n');
        }
        at = outside.end;
    }
    text += &original[at..];
    Ok(text)
}

/// `original` with the insides of its only block replaced: for answers that hold no marker.
///
/// An answer that repeats what stands before or behind the block loses it.
///
/// # Errors
/// The original has several blocks: nobody knows which one is meant.
pub(super) fn with_inside(original: &str, answer: &str) -> Result<String, String> {
    let ranges = ranges(original)?;
    let [block] = &*ranges else {
        return Err(format!("it has no EVOLVE-BLOCK markers, and the program has {} blocks", ranges.len()));
    };
    let unmarked = |text: &str| {
        let lines = text.lines().filter(|line| !has_markers(line));
        lines.map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
    };
    let (before, behind) = (unmarked(&original[..block.start]), unmarked(&original[block.end..]));
    let mut inside = answer.trim_matches('\n');
    if let Some(rest) = inside.trim_start().strip_prefix(&before).filter(|_| !before.is_empty()) {
        inside = rest.trim_start_matches('\n');
    }
    if let Some(rest) = inside.trim_end().strip_suffix(&behind).filter(|_| !behind.is_empty()) {
        inside = rest.trim_end();
    }
    Ok(format!("{}{inside}\n{}", &original[..block.start], &original[block.end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "import a\n# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\nrun(x)\n";

    #[test]
    fn blocks_are_the_lines_between_the_markers() {
        let ranges = ranges(TEXT).expect("pairs");
        assert_eq!(ranges.len(), 1);
        assert_eq!(&TEXT[ranges[0].clone()], "x = 1\n");
        assert_eq!(super::ranges("no marker").expect("one"), std::iter::once(0..9).collect::<Vec<_>>());
        for text in [
            "EVOLVE-BLOCK-START\n",
            "EVOLVE-BLOCK-END\n",
            "EVOLVE-BLOCK-START\nEVOLVE-BLOCK-START\nEVOLVE-BLOCK-END",
        ] {
            assert!(super::ranges(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_changed_outside_the_blocks_is_undone() {
        let draft =
            TEXT.replace("run(x)", "cheat()").replace("import a", "import b").replace("x = 1", "x = 2");
        assert_eq!(restored(TEXT, &draft).expect("it fits"), TEXT.replace("x = 1", "x = 2"));
    }

    #[test]
    fn a_draft_with_damaged_markers_is_refused() {
        for draft in ["x = 2\n".to_owned(), TEXT.replace("# EVOLVE-BLOCK-END\n", ""), format!("{TEXT}{TEXT}")]
        {
            assert!(restored(TEXT, &draft).is_err(), "{draft}");
        }
    }

    #[test]
    fn an_answer_without_markers_is_the_block_with_or_without_its_surroundings() {
        let expected = TEXT.replace("x = 1", "x = 3");
        for answer in ["x = 3\n", "\nx = 3", "import a\nx = 3\nrun(x)\n", "import a\n\nx = 3\n\nrun(x)"] {
            assert_eq!(with_inside(TEXT, answer).expect("one block"), expected, "{answer:?}");
        }
        assert!(with_inside(&TEXT.repeat(2), "x = 3").is_err());
    }

    proptest! {
        #[test]
        fn a_restored_draft_has_the_outside_of_the_original(inside in "([a-z =\n]){0,30}") {
            let draft = format!("z\n{START}\n{inside}\n{END}\nq");
            let text = restored(TEXT, &draft).expect("markers are whole");
            prop_assert!(text.starts_with("import a\n# EVOLVE-BLOCK-START\n"));
            prop_assert!(text.ends_with("# EVOLVE-BLOCK-END\nrun(x)\n"));
            prop_assert!(text.contains(&*inside));
        }
    }
}
