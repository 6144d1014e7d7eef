//! What the output is shown on: how wide it is, and whether it has colours.

use std::ffi::OsStr;
use std::io::IsTerminal as _;

use terminal_size::{Width, terminal_size};

/// Narrower ones are taken for as wide.
const NARROWEST: usize = 20;

/// The variable that says how wide the output is, whatever it goes to.
const COLUMNS: &str = "COLUMNS";

/// What the output is shown on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Screen {
    /// Characters of a line; `None` where lines are as long as they come.
    pub width: Option<usize>,
    /// Whether what is wrong may be told by colour.
    pub colour: bool,
}

impl Screen {
    /// Standard output: as wide as `COLUMNS` says, else as the terminal is. Where it is no terminal, a program may read it: lines are
    /// as long as they come, as they are with `wide`. Colours are for a terminal only, and not where `NO_COLOR` is set.
    pub fn of_stdout(wide: bool) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let terminal = if is_terminal { terminal_size() } else { None };
        let said = std::env::var_os(COLUMNS);
        let width = said
            .as_deref()
            .and_then(columns)
            .or_else(|| terminal.map(|(Width(width), _)| usize::from(width)).filter(|width| *width > 0));
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            width: width.filter(|_| !wide).map(|width| width.max(NARROWEST)),
            colour: is_terminal && !is_set("NO_COLOR") && !is_dumb,
        }
    }
}

/// A number of columns; nothing else is one.
fn columns(said: &OsStr) -> Option<usize> {
    said.to_str()?.parse().ok().filter(|width| *width > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_a_number() {
        let of = |text: &str| columns(OsStr::new(text));
        assert_eq!((of("80"), of("0"), of(""), of("wide"), of("-1")), (Some(80), None, None, None, None));
    }
}
