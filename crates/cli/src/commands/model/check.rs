//! `samara model check`.

use std::io::{IsTerminal as _, Write as _};

use samara_lm::{CheckReport, ModelSettings, Step, check::Finding};

use crate::{
    args::{Check, Format},
    exit::{Exit, Failure, one_line, print, print_json},
    session,
};

pub(crate) fn check(args: &Check) -> Result<Exit, Failure> {
    let settings = ModelSettings::parse(&args.model)?;
    let runtime = session::runtime()?;
    if args.format == Format::Json {
        let report = runtime.block_on(samara_lm::check(&settings))?;
        print_json(&report)?;
        return Ok(Exit::Ok);
    }
    let mut printed = Ok(());
    let mut hear = |step: Step<'_>| match step {
        Step::Trying(what) => wait_for(what),
        Step::Found(finding) => {
            clear();
            if printed.is_ok() {
                printed = print(&line(finding));
            }
        }
    };
    let report = runtime.block_on(samara_lm::check_aloud(&settings, &mut hear));
    clear();
    printed?;
    print(&summary(&report?))?;
    Ok(Exit::Ok)
}

/// Says what is waited for, to a person who looks on.
fn wait_for(what: &str) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        // What can't be written is not shown; the check goes on.
        let _ = write!(stderr, "\r\x1b[K  ...  {}", one_line(what));
    }
}

fn clear() {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[K");
    }
}

fn line(finding: &Finding) -> String {
    let mark = if finding.works { "yes" } else { "no " };
    format!("  {mark}  {:<26} {}\n", finding.what, finding.detail)
}

fn summary(report: &CheckReport) -> String {
    let api = if report.api.is_empty() { "embeddings only" } else { &report.api };
    let mut text = format!("\n{} ({api})\n", report.model);
    if !report.unfinished.is_empty() {
        text += &format!("  a minute was over before: {}\n", report.unfinished.join(", "));
    }
    if report.api.is_empty() {
        return text;
    }
    let unfinished = report.unfinished.iter().any(|what| what.starts_with("score"));
    text += &match report.scoring {
        Some(method) => format!("  a run would score by {}\n", method.name()),
        None if unfinished => "  whether it can be a judge was not found out\n".to_owned(),
        None => "  unusable as a judge: no way to score works\n".to_owned(),
    };
    text += &match report.price {
        Some(price) => {
            format!("  a million tokens cost {} in, {} out\n", price.per_million_in, price.per_million_out)
        }
        None => "  what tokens cost is not set (price_in, price_out)\n".to_owned(),
    };
    text + &speeds(report)
}

fn speeds(report: &CheckReport) -> String {
    let mut text = String::new();
    if !report.speed.is_empty() {
        text += "\n  in flight   median ms   completions/s   tokens/s\n";
    }
    for speed in &report.speed {
        text += &format!(
            "  {:>9}   {:>9.1}   {:>13.1}   {:>8.0}\n",
            speed.concurrency, speed.median_ms, speed.per_second, speed.tokens_per_second
        );
    }
    if !report.score_speed.is_empty() {
        text += "\n  in flight   median ms   scores/s\n";
    }
    for speed in &report.score_speed {
        text +=
            &format!("  {:>9}   {:>9.1}   {:>8.1}\n", speed.concurrency, speed.median_ms, speed.per_second);
    }
    if let Some(concurrency) = report.advised_concurrency {
        text += &format!(
            "\n  advised: search.concurrency = {concurrency}; more in flight give hardly more a second\n"
        );
    }
    text
}
