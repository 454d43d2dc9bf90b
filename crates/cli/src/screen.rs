//! What standard output is: the only place that looks at the terminal and its variables before something is drawn.

use std::{env, io::IsTerminal};

pub(crate) use samara_view::screen::{Colours, Screen, clip, columns, fill};

/// What standard output is.
pub(crate) fn stdout() -> Screen {
    let terminal = std::io::stdout().is_terminal();
    let size = if terminal { terminal_size::terminal_size() } else { None };
    let variable = |name: &str| env::var(name).unwrap_or_default();
    Screen::new(
        terminal,
        size.map(|(width, _)| usize::from(width.0)),
        [variable("COLUMNS"), variable("NO_COLOR"), variable("TERM"), variable("COLORTERM")]
            .each_ref()
            .map(|text| &**text),
    )
}
