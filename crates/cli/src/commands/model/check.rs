//! `samara model check`.

use samara_lm::{CheckReport, ModelSettings};

use crate::{
    args::{Check, Format},
    exit::{Exit, Failure, print},
    session,
};

pub(crate) fn check(args: &Check) -> Result<Exit, Failure> {
    let settings = ModelSettings::parse(&args.model)?;
    let report = session::runtime()?.block_on(samara_lm::check(&settings))?;
    match args.format {
        Format::Json => print(&(serde_json::to_string(&report).unwrap_or_default() + "\n"))?,
        Format::Human => print(&text(&report))?,
    }
    Ok(Exit::Ok)
}

fn text(report: &CheckReport) -> String {
    let api = if report.api.is_empty() { "embeddings only" } else { &report.api };
    let mut text = format!("{} ({api})\n\n", report.model);
    for finding in &report.findings {
        let mark = if finding.works { "yes" } else { "no " };
        text += &format!("  {mark}  {:<26} {}\n", finding.what, finding.detail);
    }
    if report.speed.is_empty() {
        return text;
    }
    let scoring = report.scoring.map_or("-", samara_lm::ScoreMethod::name);
    text += &format!("\n  a run would score by {scoring}\n");
    text += &match report.price {
        Some(price) => {
            format!("  a million tokens cost {} in, {} out\n\n", price.per_million_in, price.per_million_out)
        }
        None => "  what tokens cost is not set (price_in, price_out)\n\n".to_owned(),
    };
    text += "  in flight   median ms   completions/s   tokens/s\n";
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
    text
}
