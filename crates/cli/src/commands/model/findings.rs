//! An evaluation as a table: every number beside what is wanted of it.

use samara_seedling::{
    corpus::Domain,
    evaluate::{DomainReport, JudgeReport, walkers::WalkerReport, written::WrittenReport},
};
use serde::Serialize;

use super::evaluate::Blind;

/// What is wanted of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Target {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
    /// It is shown, and nothing is asked of it.
    None,
}

impl Target {
    fn met(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(wanted) => Some(value >= wanted),
            Self::AtMost(wanted) => Some(value <= wanted),
            Self::Below(wanted) => Some(value < wanted),
            Self::None => None,
        }
    }

    fn text(self, decimals: usize) -> String {
        match self {
            Self::AtLeast(wanted) => format!(">= {wanted:.decimals$}"),
            Self::AtMost(wanted) => format!("<= {wanted:.decimals$}"),
            Self::Below(wanted) => format!("< {wanted:.decimals$}"),
            Self::None => "-".to_owned(),
        }
    }
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// The domain's name.
    pub domain: String,
    /// `judge` or `generator`.
    pub role: &'static str,
    /// What was measured.
    pub what: String,
    /// What came out.
    pub value: f64,
    /// What is wanted, such as `>= 0.95`; null if nothing is.
    pub target: Option<String>,
    /// Whether it is reached.
    pub met: Option<bool>,
    #[serde(skip)]
    decimals: usize,
}

/// All lines of an evaluation.
pub(crate) fn findings(domains: &[DomainReport]) -> Vec<Finding> {
    domains.iter().flat_map(|domain| judge(domain).into_iter().chain(generator(domain))).collect()
}

/// All lines of an evaluation of a walkers' model.
pub(crate) fn walkers(formats: &[WalkerReport]) -> Vec<Finding> {
    formats.iter().flat_map(walkers_of).collect()
}

/// All lines of an evaluation of a model of written texts.
pub(crate) fn written(domains: &[WrittenReport]) -> Vec<Finding> {
    domains.iter().flat_map(written_of).collect()
}

fn written_of(report: &WrittenReport) -> Vec<Finding> {
    let line = |role, what: String, value, target| finding(&report.domain, role, what, value, target);
    let mut lines = Vec::new();
    for question in &report.judge {
        let area = if question.question == "quality" { 0.85 } else { 0.9 };
        let name = |what: &str| format!("{}: {what}", question.question);
        lines.push(line(
            "judge",
            name("area under the ROC curve"),
            question.area_under_curve,
            Target::AtLeast(area),
        ));
        lines.push(line("judge", name("calibration error"), question.calibration_error, Target::AtMost(0.1)));
        lines.push(line(
            "judge",
            name("rank correlation with the truth"),
            question.rank_correlation,
            Target::None,
        ));
    }
    lines.push(line("judge", "known prompts taken".into(), report.known, Target::AtLeast(0.95)));
    lines.push(line("judge", "foreign prompts refused".into(), report.foreign, Target::AtLeast(0.95)));
    lines.push(line("generator", "sentences of the corpus".into(), report.verbatim, Target::None));
    lines.push(line("generator", "texts of one thread".into(), report.coherent, Target::AtLeast(0.9)));
    for (axis, correlation) in &report.inheritance {
        lines.push(line(
            "generator",
            format!("{axis}: correlation with the examples"),
            *correlation,
            Target::None,
        ));
    }
    for (axis, cells) in &report.cells {
        lines.push(line("generator", format!("{axis}: reached of 20 cells"), *cells as f64, Target::None));
    }
    lines.push(line("generator", "copies of an example".into(), report.copies, Target::Below(0.1)));
    lines
}

/// All lines of the blind held-out set.
pub(crate) fn blind(found: &Blind) -> Vec<Finding> {
    let mut lines = Vec::new();
    for report in &found.domains {
        let mut line =
            |what, value, target| lines.push(finding(&report.domain, "judge", what, value, target));
        for (property, area) in &report.areas {
            let wanted = if property == "quality" { 0.85 } else { 0.9 };
            line(format!("{property}: area under the ROC curve"), *area, Target::AtLeast(wanted));
        }
        line("nonsense below good texts".to_owned(), report.nonsense_below_good, Target::AtLeast(0.95));
    }
    let share = |(refused, of): (usize, usize)| refused as f64 / of.max(1) as f64;
    let prompts = found.prompts;
    let foreign = ("foreign prompts refused", prompts.foreign_refused, Target::AtLeast(0.95));
    let own = ("own prompts refused", prompts.own_refused, Target::AtMost(0.05));
    for (what, counted, target) in [foreign, own] {
        lines.push(finding("prompts", "judge", what.to_owned(), share(counted), target));
    }
    lines
}

fn walkers_of(report: &WalkerReport) -> Vec<Finding> {
    let line =
        |what: &str, value, target| finding(&report.format, "generator", what.to_owned(), value, target);
    let mut lines = vec![
        line("valid walkers", report.valid, Target::AtLeast(0.6)),
        line("distinct programs", report.distinct, Target::AtLeast(0.5)),
    ];
    if report.format != "new" {
        lines.push(line("copies of a program shown", report.copies, Target::Below(0.3)));
        for (axis, correlation) in ["height", "width", "mass"].into_iter().zip(report.inheritance) {
            let what = format!("{axis}: correlation with the programs shown");
            lines.push(line(&what, correlation, Target::AtLeast(0.5)));
        }
    }
    lines.push(line("reached of 1728 cells", report.cells as f64, Target::None));
    lines
}

fn finding(domain: &str, role: &'static str, what: String, value: f64, target: Target) -> Finding {
    // Cells are counted, everything else is a share.
    let decimals = if what.ends_with(" cells") { 0 } else { 3 };
    let met = target.met(value);
    let target = met.map(|_| target.text(if decimals == 0 { 0 } else { 2 }));
    Finding { domain: domain.to_owned(), role, what, value, target, met, decimals }
}

fn judge(report: &DomainReport) -> Vec<Finding> {
    let line = |question: &JudgeReport, what: &str, value, target| {
        finding(&report.domain, "judge", format!("{}: {what}", question.question), value, target)
    };
    let of_question = |question: &JudgeReport| {
        let area = if question.question == "quality" { 0.9 } else { 0.95 };
        [
            line(question, "area under the ROC curve", question.area_under_curve, Target::AtLeast(area)),
            line(question, "calibration error", question.calibration_error, Target::AtMost(0.1)),
            line(question, "rank correlation with the truth", question.rank_correlation, Target::None),
        ]
    };
    report.judge.iter().flat_map(of_question).collect()
}

fn generator(report: &DomainReport) -> Vec<Finding> {
    let line = |what: String, value, target| finding(&report.domain, "generator", what, value, target);
    let axis = |number: usize| {
        let domain = Domain::ALL.into_iter().find(|domain| domain.name() == report.domain);
        domain.and_then(|domain| domain.questions().get(number)).map_or("axis", |question| question.name)
    };
    let made = &report.generator;
    let mut lines = vec![line("well-formed".into(), made.well_formed, Target::AtLeast(0.9))];
    lines.extend(made.inheritance.iter().enumerate().map(|(number, correlation)| {
        let target = if number == 0 { Target::AtLeast(0.8) } else { Target::None };
        line(format!("{}: correlation with the examples", axis(number)), *correlation, target)
    }));
    lines.push(line("distinct trigrams".into(), made.distinct_trigrams, Target::AtLeast(0.5)));
    lines.push(line("copies of an example".into(), made.copies, Target::Below(0.1)));
    lines.extend(made.cells.iter().enumerate().map(|(number, cells)| {
        line(format!("{}: reached of 20 cells", axis(number)), *cells as f64, Target::AtLeast(20.0))
    }));
    lines
}

/// The table, and how many targets are met.
pub(crate) fn table(findings: &[Finding]) -> String {
    let width = |of: fn(&Finding) -> usize| findings.iter().map(of).max().unwrap_or(0);
    let domain = width(|finding| finding.domain.len());
    let what = width(|finding| finding.what.len());
    let mut text = format!(
        "{:domain$}  {:9}  {:what$}  {:>6}  {:>7}\n",
        "domain", "role", "measured", "value", "target"
    );
    for finding in findings {
        let target = finding.target.as_deref().unwrap_or("-");
        let met = match finding.met {
            Some(true) => "  met",
            Some(false) => "  missed",
            None => "",
        };
        let (name, role, decimals) = (&finding.domain, finding.role, finding.decimals);
        let (measured, value) = (&finding.what, finding.value);
        text +=
            &format!("{name:domain$}  {role:9}  {measured:what$}  {value:>6.decimals$}  {target:>7}{met}\n");
    }
    let wanted = findings.iter().filter(|finding| finding.met.is_some()).count();
    let met = findings.iter().filter(|finding| finding.met == Some(true)).count();
    text + &format!("{met} of {wanted} targets met\n")
}

#[cfg(test)]
mod tests {
    use samara_seedling::evaluate::GeneratorReport;

    use super::*;

    fn story() -> DomainReport {
        let question = |question: &str, area_under_curve, calibration_error| JudgeReport {
            question: question.into(),
            area_under_curve,
            calibration_error,
            rank_correlation: 0.9,
        };
        DomainReport {
            domain: "short-story".into(),
            generator: GeneratorReport {
                well_formed: 0.95,
                inheritance: vec![0.7, 0.6],
                distinct_trigrams: 0.5,
                copies: 0.1,
                cells: vec![20, 19],
                tokens: 60.0,
            },
            judge: vec![question("friendship", 0.95, 0.1), question("quality", 0.94, 0.2)],
        }
    }

    #[test]
    fn every_number_stands_beside_what_is_wanted_of_it() {
        insta::assert_snapshot!(table(&findings(&[story()])));
    }
}
