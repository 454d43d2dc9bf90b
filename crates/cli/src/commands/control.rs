//! `samara control`: asking something of a run that goes on.

use std::path::Path;

use samara_journal::{FILE_NAME, Live};
use samara_search::Order;
use samara_serve::control::{self, AskError};
use serde_json::json;

use crate::{
    args::{Format, watch::Control},
    exit::{Exit, Failure, one_line, print, print_json, quoted},
};

pub(crate) fn control(args: &Control) -> Result<Exit, Failure> {
    let named = &args.run;
    if !named.join(FILE_NAME).exists() && !named.is_file() {
        return Err(Failure::usage(format!("{}: there is no run here", named.display())));
    }
    let folder = if named.is_dir() { named } else { named.parent().unwrap_or(Path::new(".")) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let live = control::ask(folder, &args.what.order()).map_err(|error| {
        let run = named.display();
        match error {
            AskError::Over => Failure::usage(format!(
                "{run}: {error}\nhint: `samara resume {}` goes on with it",
                quoted(&run.to_string())
            )),
            error => Failure::usage(format!("{run}: {error}")),
        }
    })?;
    match args.format {
        Format::Json => {
            print_json(&json!({ "first": live.first, "asked": live.order, "told": live.order.told() }))?;
        }
        Format::Human => print(&(told(&live) + "\n"))?,
    }
    Ok(Exit::Ok)
}

/// What was asked and what it comes to, on one line.
pub(crate) fn told(live: &Live) -> String {
    let first = live.first;
    let comes = match &live.order {
        Order::Finish | Order::StopAfter(_) => format!("the run ends after {first} candidates"),
        Order::Budget(_) | Order::Note(_) => format!("from candidate {first} on"),
    };
    one_line(&format!("{}: {comes}", live.order.told()))
}
