//! The difference between two programs as hunks of a unified diff, with one line of context.

/// Lines of context around a change.
const CONTEXT: usize = 1;

/// A line that stays, goes or comes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change<'a> {
    Same(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// Lines of both, in order, by the longest common subsequence.
fn changes<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Change<'a>> {
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            found.push(Change::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[i + 1][j] >= common[i][j + 1]) {
            found.push(Change::Old(old[i]));
            i += 1;
        } else {
            found.push(Change::New(new[j]));
            j += 1;
        }
    }
    found
}

/// The hunks that turn `old` into `new`, each line with its break.
pub fn hunks(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let changes = changes(&old, &new);
    let differs = |at: usize| !matches!(changes[at], Change::Same(_));
    let near = |at: usize| (at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(changes.len())).any(differs);
    let (mut text, mut before, mut at) = (String::new(), (1, 1), 0);
    while at < changes.len() {
        let end = (at..changes.len()).find(|at| !near(*at)).unwrap_or(changes.len());
        let hunk = &changes[at..end];
        let olds = hunk.iter().filter(|change| !matches!(change, Change::New(_))).count();
        let news = hunk.iter().filter(|change| !matches!(change, Change::Old(_))).count();
        if !hunk.is_empty() {
            text += &format!("@@ -{},{olds} +{},{news} @@\n", before.0, before.1);
        }
        for change in hunk {
            let (mark, line) = match change {
                Change::Same(line) => (' ', line),
                Change::Old(line) => ('-', line),
                Change::New(line) => ('+', line),
            };
            text.push(mark);
            text.push_str(line);
            text.push('\n');
        }
        // The line behind a hunk is the same in both.
        before = (before.0 + olds + 1, before.1 + news + 1);
        at = end + 1;
    }
    text
}

/// Applies hunks to a text by the text of their lines; their line numbers are ignored. `None` if there is no hunk, or
/// one whose old lines are nowhere in the text.
pub fn patched(old: &str, hunks: &str) -> Option<String> {
    let mut lines: Vec<&str> = old.lines().collect();
    let mut found = false;
    let mut hunk: (Vec<&str>, Vec<&str>) = Default::default();
    for line in hunks.trim_start().lines().chain(["@@"]) {
        if line.starts_with("@@") {
            let (before, behind) = std::mem::take(&mut hunk);
            if !before.is_empty() || !behind.is_empty() {
                let place = lines.windows(before.len().max(1)).position(|window| window == before)?;
                lines.splice(place..place + before.len(), behind);
                found = true;
            }
            continue;
        }
        let (mark, text) = (line.get(..1)?, line.get(1..)?);
        if matches!(mark, " " | "-") {
            hunk.0.push(text);
        }
        match mark {
            " " | "+" => hunk.1.push(text),
            "-" => {}
            _ => return None,
        }
    }
    found.then(|| lines.iter().flat_map(|line| [*line, "\n"]).collect())
}
