//! `samara show --diff` and `--lineage`: what the best candidate changed, and where it comes from.

use samara_journal::Reader;
use samara_search::Candidate;
use serde_json::{Value, json};

use crate::{
    args::{Format, Show},
    best,
    exit::{Exit, Failure, one_line, print_drawn, print_json},
    screen::{self, Colours, columns},
    summary::line,
};
use samara_view::{
    diff,
    lineage::{Lineage, Steps},
    numbers::number,
};

pub(crate) fn show(reader: &Reader, args: &Show) -> Result<Exit, Failure> {
    let Some((_, best)) = best::best_of(reader)? else {
        return Err(Failure::usage(format!("{}: no candidate has a score yet", args.run.display())));
    };
    let lineage = lineage_of(reader, best)?;
    let screen = screen::stdout();
    match args.format {
        Format::Json => print_json(&as_json(&lineage, args))?,
        Format::Human => {
            let mut parts = Vec::new();
            if args.lineage {
                parts.push(listed(&lineage, screen.width));
            }
            if args.diff {
                parts.extend(
                    diffs(&lineage, screen.colours).into_iter().map(|(heading, text)| heading + "\n" + &text),
                );
            }
            print_drawn(&parts.join("\n"))?;
        }
    }
    Ok(Exit::Ok)
}

/// The lineage of a candidate of a run.
///
/// # Errors
/// The journal can't be read or lacks an ancestor.
pub(super) fn lineage_of(reader: &Reader, candidate: u64) -> Result<Lineage, Failure> {
    Lineage::of(candidate, |index| {
        let found = reader.candidate(index)?;
        let (member, _) =
            found.ok_or_else(|| Failure::internal(format!("the run lacks candidate {index}, a parent")))?;
        Ok(member)
    })
}

/// The ancestors whose diffs to the best are of interest: its parent, and the first if that is another.
fn sides(lineage: &Lineage) -> Vec<&Candidate> {
    let first = lineage.first();
    let parent = lineage.parent();
    parent
        .into_iter()
        .chain((parent.map(|parent| parent.index) != Some(first.index)).then_some(first))
        .collect()
}

/// A heading and a diff for each side.
fn diffs(lineage: &Lineage, colours: Colours) -> Vec<(String, String)> {
    let best = lineage.last();
    if lineage.members.len() == 1 {
        let heading = format!("candidate {} is the best, and has no parent", best.index);
        return vec![(heading, String::new())];
    }
    let names = |candidate: &Candidate| format!("candidate {}", candidate.index);
    sides(lineage)
        .into_iter()
        .filter_map(|side| {
            let text = diff::unified(
                side.genome.as_deref()?,
                best.genome.as_deref()?,
                (&names(side), &names(best)),
                colours,
            );
            let role =
                if side.index == lineage.first().index { "the first of its ancestors" } else { "its parent" };
            let change = change(best, side).map_or(String::new(), |change| format!(", {change}"));
            Some((format!("candidate {}{change} over {role}, candidate {}", best.index, side.index), text))
        })
        .collect()
}

/// By how much one is better than another, with its sign.
fn change(candidate: &Candidate, other: &Candidate) -> Option<String> {
    let change = candidate.objective()? - other.objective()?;
    Some(format!("{}{}", if change >= 0.0 { "+" } else { "" }, number(change)))
}

/// The ancestors, a line each, and what their steps changed.
fn listed(lineage: &Lineage, width: usize) -> String {
    let objective = |candidate: &Candidate| candidate.objective().map_or("-".to_owned(), number);
    let rows: Vec<[String; 4]> = lineage
        .members
        .iter()
        .enumerate()
        .map(|(i, member)| {
            let before = i.checked_sub(1).map(|before| &lineage.members[before]);
            let change = before.and_then(|before| change(member, before)).unwrap_or_default();
            [member.index.to_string(), one_line(&member.operator), objective(member), change]
        })
        .collect();
    let heading = ["candidate", "operator", "objective", "change"].map(str::to_owned);
    let wide = |column: usize| {
        std::iter::once(&heading).chain(&rows).map(|row| columns(&row[column])).max().unwrap_or(0)
    };
    let widths = [wide(0), wide(1), wide(2), wide(3)];
    let pad = |text: &str, width: usize| " ".repeat(width.saturating_sub(columns(text)));
    let mut text = String::new();
    for row in std::iter::once(&heading).chain(&rows) {
        let [candidate, operator, objective, change] = row;
        let written = format!(
            "{}{candidate}  {operator}{}  {}{objective}  {}{change}",
            pad(candidate, widths[0]),
            pad(operator, widths[1]),
            pad(objective, widths[2]),
            pad(change, widths[3]),
        );
        text += &(written.trim_end().to_owned() + "\n");
    }
    let Steps { all, only_numbers, lines_added, lines_again } = lineage.steps();
    text += "\n";
    text +=
        &line("steps", &format!("{all}, of which {only_numbers} changed numbers and nothing else"), width);
    let again = format!("{lines_added} put in, of which {lines_again} had been taken out before");
    text + &line("lines", &again, width)
}

fn as_json(lineage: &Lineage, args: &Show) -> Value {
    let mut object = json!({"candidate": lineage.last().index, "objective": lineage.last().objective()});
    if args.lineage {
        let member = |candidate: &Candidate| {
            json!({
                "candidate": candidate.index,
                "operator": candidate.operator,
                "objective": candidate.objective(),
                "island": candidate.island,
                "parents": candidate.parents,
            })
        };
        let Steps { all, only_numbers, lines_added, lines_again } = lineage.steps();
        object["lineage"] = lineage.members.iter().map(member).collect();
        object["steps"] = json!({
            "all": all,
            "only_numbers": only_numbers,
            "lines_added": lines_added,
            "lines_again": lines_again,
        });
    }
    if args.diff {
        let sides = sides(lineage).into_iter().map(|side| side.index);
        let texts = diffs(lineage, Colours::None).into_iter().map(|(_, text)| text);
        object["diffs"] = sides.zip(texts).map(|(from, text)| json!({"from": from, "diff": text})).collect();
    }
    object
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use samara_search::{Charge, Fate, Genome, Score};

    use super::*;

    fn member(index: u64, parent: Option<u64>, operator: &str, objective: f64, text: &str) -> Candidate {
        Candidate {
            index,
            island: 0,
            horizon: 0,
            operator: operator.into(),
            parents: parent.into_iter().collect(),
            generator: None,
            genome: Some(Arc::new(Genome::text_of(text))),
            score: Some(Arc::new(Score::new(objective, Vec::new()))),
            fate: Fate::New,
            cell: None,
            rank: None,
            copy_of: None,
            artifacts: Vec::new(),
            charge: Charge::default(),
            model_ms: 0.0,
        }
    }

    fn lineage() -> Lineage {
        let texts =
            ["def f(x):\n    return x\n", "def f(x):\n    return x * 2\n", "def f(x):\n    return x * 3\n"];
        Lineage {
            members: vec![
                member(0, None, "initial", 0.25, texts[0]),
                member(7, Some(0), "diff", 0.5, texts[1]),
                member(112, Some(7), "gp", 12.75, texts[2]),
            ],
        }
    }

    #[test]
    fn ancestors_are_listed_with_what_each_brought() {
        insta::assert_snapshot!(listed(&lineage(), 60));
    }

    #[test]
    fn the_best_is_compared_with_its_parent_and_with_the_first() {
        let texts: Vec<String> = diffs(&lineage(), Colours::None)
            .into_iter()
            .map(|(heading, text)| format!("{heading}\n{text}"))
            .collect();
        insta::assert_snapshot!(texts.join("\n"));
        let mut short = lineage();
        short.members.pop();
        assert_eq!(diffs(&short, Colours::None).len(), 1, "the parent is the first");
        short.members.pop();
        assert_eq!(diffs(&short, Colours::None)[0].0, "candidate 0 is the best, and has no parent");
    }
}
