//! The addresses of the dashboard's pages: read from what a browser asks for, and written into links.
//!
//! What is asked for is a stranger's: whatever is no address of a page is `None`, and a run is only ever a name to look up.

use samara_search::commanding::commands;

use super::film::Walk;
use crate::{book::By, trace::Over};

/// A page and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// All runs.
    Runs(RunsAsked),
    /// Runs beside each other: those that are named, and all in a folder.
    Compare(Vec<String>, Option<String>),
    /// A run, and what its curves go over.
    Run(String, Over),
    /// Its archive.
    Archive(String, ArchiveAsked),
    /// One of its candidates, and the one that it is compared with.
    Candidate(String, u64, Option<u64>),
    /// How the body of one of its candidates moved: no page, but a picture on one.
    Film(String, u64, Walk),
    /// Where a candidate comes from and what came of it; the best, unless one is named.
    Lineage(String, Option<u64>),
    /// What its operators and models brought, and by what candidates are told apart over the run.
    Operators(String, By),
}

/// Which runs are listed, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunsAsked {
    /// What a run's name, experiment or state has to hold.
    pub filter: String,
    /// By which column.
    pub sort: Sort,
    /// The only ones to show, if any are named: those of an update.
    pub only: Vec<String>,
}

/// What runs are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Those that go on first, then the youngest.
    #[default]
    Newest,
    /// By name.
    Name,
    /// By the number of candidates, the most first.
    Candidates,
    /// By the best objective, the highest first.
    Best,
    /// By coverage, the highest first.
    Coverage,
    /// By QD score, the highest first.
    QdScore,
    /// By cost, the highest first.
    Cost,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Newest, Self::Name, Self::Candidates, Self::Best, Self::Coverage, Self::QdScore, Self::Cost];

    /// As an address says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Name => "name",
            Self::Candidates => "candidates",
            Self::Best => "best",
            Self::Coverage => "coverage",
            Self::QdScore => "qd",
            Self::Cost => "cost",
        }
    }
}

/// What of an archive is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveAsked {
    /// The axis to the right and the one up.
    pub pair: Option<[usize; 2]>,
    /// After how many candidates; all of them unless it is said.
    pub at: Option<u64>,
    /// How many elites of the list are before those that are shown.
    pub from: usize,
    /// Whether every pair of axes is drawn.
    pub facets: bool,
    /// Which island; all of them together unless it is said.
    pub island: Option<u32>,
    /// What colours stand for.
    pub colour: Colour,
    /// How elites are listed; as fits them unless it is said.
    pub list: Option<List>,
}

/// What the colours of a map stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Colour {
    /// The objective.
    #[default]
    Objective,
    /// When an elite was made: the number of the candidate.
    Age,
    /// How it was made.
    Operator,
    /// Who wrote it.
    Model,
    /// A named number beside the score.
    Metric(String),
}

impl Colour {
    /// Those that every run has.
    pub const ALWAYS: [Self; 4] = [Self::Objective, Self::Age, Self::Operator, Self::Model];

    /// As an address says it: a metric by its name behind a colon.
    pub fn name(&self) -> String {
        match self {
            Self::Objective => "objective".to_owned(),
            Self::Age => "age".to_owned(),
            Self::Operator => "operator".to_owned(),
            Self::Model => "model".to_owned(),
            Self::Metric(name) => format!("metric:{name}"),
        }
    }

    fn read(name: &str) -> Option<Self> {
        let metric = name.strip_prefix("metric:").map(|name| Self::Metric(name.to_owned()));
        metric.or_else(|| Self::ALWAYS.into_iter().find(|colour| colour.name() == name))
    }
}

/// How elites are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// A row each.
    Table,
    /// Their texts or pictures, side by side.
    Gallery,
}

impl List {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Table, Self::Gallery];

    /// As an address says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Gallery => "gallery",
        }
    }
}

/// Bytes of an address at most.
const LONGEST: usize = 8 << 10;
/// Runs that one address names at most.
const MOST_RUNS: usize = 64;

impl Address {
    /// What is asked for by a path and the query behind its question mark. What is unknown in the query is not looked at.
    pub fn read(path: &str, query: &str) -> Option<Self> {
        if path.len() + query.len() > LONGEST {
            return None;
        }
        let segments: Vec<String> = path.strip_prefix('/')?.split('/').map(decoded).collect::<Option<_>>()?;
        let segments: Vec<&str> = segments.iter().map(|segment| &**segment).collect();
        let asked = Query::read(query)?;
        Some(match segments[..] {
            [""] => Self::Runs(RunsAsked {
                filter: asked.text("filter").unwrap_or_default().chars().take(200).collect(),
                sort: asked
                    .text("sort")
                    .and_then(|name| Sort::ALL.into_iter().find(|sort| sort.name() == name))
                    .unwrap_or_default(),
                only: asked.texts("only"),
            }),
            ["compare"] => Self::Compare(asked.texts("run"), asked.text("folder").map(str::to_owned)),
            ["run", run] => {
                Self::Run(run.to_owned(), asked.one_of("over", Over::ALL, Over::name).unwrap_or_default())
            }
            ["run", run, "archive"] => Self::Archive(run.to_owned(), ArchiveAsked::read(&asked)),
            ["run", run, "candidate", index] => {
                Self::Candidate(run.to_owned(), whole(index)?, asked.number("diff"))
            }
            ["run", run, walk @ ("film" | "still"), file] => {
                let walk = if walk == "film" { Walk::Played } else { Walk::Still };
                Self::Film(run.to_owned(), whole(file.strip_suffix(".svg")?)?, walk)
            }
            ["run", run, "lineage"] => Self::Lineage(run.to_owned(), None),
            ["run", run, "lineage", index] => Self::Lineage(run.to_owned(), Some(whole(index)?)),
            ["run", run, "operators"] => {
                Self::Operators(run.to_owned(), asked.one_of("by", By::ALL, By::name).unwrap_or_default())
            }
            _ => return None,
        })
    }

    /// The address, as a link has it.
    pub fn link(&self) -> String {
        let run = |run: &str, rest: &str| format!("/run/{}{rest}", encoded(run));
        match self {
            Self::Runs(asked) => {
                let sort = Some(asked.sort).filter(|sort| *sort != Sort::default()).map(Sort::name);
                let filter = Some(&*asked.filter).filter(|filter| !filter.is_empty());
                let only = asked.only.iter().map(|only| ("only", encoded(only)));
                let named = [("filter", filter.map(encoded)), ("sort", sort.map(encoded))];
                let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
                asking("/", named.chain(only))
            }
            Self::Compare(runs, folder) => {
                let folder = folder.iter().map(|folder| ("folder", encoded(folder)));
                asking("/compare", folder.chain(runs.iter().map(|run| ("run", encoded(run)))))
            }
            Self::Run(name, over) => {
                let over = Some(over).filter(|over| **over != Over::default());
                asking(&run(name, ""), over.map(|over| ("over", over.name().to_owned())).into_iter())
            }
            Self::Archive(name, asked) => asking(&run(name, "/archive"), asked.named().into_iter()),
            Self::Candidate(name, index, other) => {
                let diff = other.map(|other| ("diff", other.to_string()));
                asking(&run(name, &format!("/candidate/{index}")), diff.into_iter())
            }
            Self::Film(name, index, Walk::Played) => run(name, &format!("/film/{index}.svg")),
            Self::Film(name, index, Walk::Still) => run(name, &format!("/still/{index}.svg")),
            Self::Lineage(name, None) => run(name, "/lineage"),
            Self::Lineage(name, Some(index)) => run(name, &format!("/lineage/{index}")),
            Self::Operators(name, by) => {
                let by = Some(by).filter(|by| **by != By::default());
                asking(&run(name, "/operators"), by.map(|by| ("by", by.name().to_owned())).into_iter())
            }
        }
    }
}

impl ArchiveAsked {
    fn read(asked: &Query) -> Self {
        let pair = asked.number("x").zip(asked.number("y"));
        Self {
            pair: pair.map(|(x, y)| [x as usize, y as usize]).filter(|[x, y]| x != y),
            at: asked.number("at"),
            from: asked.number("from").unwrap_or(0) as usize,
            facets: asked.text("facets").is_some(),
            island: asked.number("island").and_then(|island| island.try_into().ok()),
            colour: asked.text("colour").and_then(Colour::read).unwrap_or_default(),
            list: asked.one_of("list", List::ALL, List::name),
        }
    }

    fn named(&self) -> Vec<(&'static str, String)> {
        let number = |number: Option<usize>| number.map(|number| number.to_string());
        let [x, y] = self.pair.map_or([None; 2], |pair| pair.map(Some));
        let colour = Some(&self.colour).filter(|colour| **colour != Colour::default());
        let all = [
            ("island", self.island.map(|island| island.to_string())),
            ("x", number(x)),
            ("y", number(y)),
            ("at", self.at.map(|at| at.to_string())),
            ("from", number(Some(self.from).filter(|from| *from > 0))),
            ("colour", colour.map(|colour| encoded(&colour.name()))),
            ("list", self.list.map(|list| list.name().to_owned())),
            ("facets", self.facets.then(|| "1".to_owned())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn asking(path: &str, named: impl Iterator<Item = (&'static str, String)>) -> String {
    let query: Vec<String> = named.map(|(name, value)| format!("{name}={value}")).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// What stands behind the question mark.
struct Query(Vec<(String, String)>);

impl Query {
    fn read(query: &str) -> Option<Self> {
        let parts = query.split('&').filter(|part| !part.is_empty());
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            // A form writes blanks so.
            Some((decoded(&name.replace('+', " "))?, decoded(&value.replace('+', " "))?))
        };
        parts.map(pair).collect::<Option<_>>().map(Self)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(held, _)| held == name).map(|(_, value)| &**value)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name).and_then(whole)
    }

    fn one_of<T: Copy, const N: usize>(
        &self,
        name: &str,
        all: [T; N],
        called: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(name)?;
        all.into_iter().find(|one| called(*one) == text)
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let named = self.0.iter().filter(|(held, _)| held == name);
        named.take(MOST_RUNS).map(|(_, value)| value.clone()).collect()
    }
}

/// A whole number, without signs and blanks.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A part of a path or of a query, as RFC 3986 writes it.
pub fn encoded(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => {
                safe.push(char::from(byte));
            }
            other => safe += &format!("%{other:02X}"),
        }
    }
    safe
}

/// The text that was written so; `None` if it is no UTF-8, no such writing, or would command.
fn decoded(text: &str) -> Option<String> {
    read_back(text).filter(|text| !text.chars().any(commands))
}

/// The named texts of a form, which may have lines; `None` if they are no such writing.
pub(super) fn texts_of(form: &str) -> Option<Vec<(String, String)>> {
    let pair = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((read_back(&name.replace('+', " "))?, read_back(&value.replace('+', " "))?))
    };
    form.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// The text that was written so; `None` if it is no UTF-8 or no such writing.
fn read_back(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(address: &str) -> Option<Address> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        Address::read(path, query)
    }

    #[test]
    fn what_is_no_page_is_no_address() {
        for address in [
            "",
            "run/a",
            "/run",
            "/run/a/b",
            "/run/a/candidate/-1",
            "/run/a/candidate/+1",
            "/run/a/candidate/1e3",
            "/x",
            "/run/a/candidate/99999999999999999999",
            "/run/%zz",
            "/run/%ff",
            "/run/%00",
            "/run/a/../../etc/passwd",
            "/run/a/archive/..",
            "//",
            "/run/a/candidate/",
            "/run/a/film/1",
            "/run/a/stills/1.svg",
            "/run/a/film/.svg",
            "/run/a/film/1.svg.svg",
            "/?filter=%",
        ] {
            assert_eq!(read(address), None, "{address}");
        }
        assert_eq!(read(&format!("/?filter={}", "a".repeat(9000))), None);
        assert_eq!(
            read("/run/..%2F..%2Fetc"),
            Some(Address::Run("../../etc".into(), Over::default())),
            "a name, looked up as such"
        );
        assert_eq!(read("/?unknown=1&sort=no"), Some(Address::Runs(RunsAsked::default())));
        assert_eq!(
            read("/run/a/archive?x=1&y=1&at=-3"),
            Some(Address::Archive("a".into(), ArchiveAsked::default()))
        );
    }

    proptest! {
        #[test]
        fn a_link_leads_to_its_page(
            name in "(\\.{1,2}|[a-z]{1,5}|[ -~éλ]{0,12})", index in any::<u64>(), other in proptest::option::of(any::<u64>()),
            x in 0..9_usize, from in 0..99_usize, sort in 0..7_usize,
        ) {
            let colour = Colour::ALWAYS.get(sort).cloned().unwrap_or_else(|| Colour::Metric(name.clone()));
            let archive = ArchiveAsked {
                pair: Some([x, x + 1]),
                at: other,
                from,
                facets: from % 2 == 0,
                island: other.map(|_| 3),
                colour,
                list: List::ALL.get(x).copied(),
            };
            let runs = RunsAsked { filter: name.clone(), sort: Sort::ALL[sort], only: vec![name.clone()] };
            for address in [
                Address::Runs(runs),
                Address::Compare(vec![name.clone(), "b".into()], other.map(|_| name.clone())),
                Address::Run(name.clone(), Over::ALL[sort % 5]),
                Address::Archive(name.clone(), archive),
                Address::Candidate(name.clone(), index, other),
                Address::Film(name.clone(), index, if x == 0 { Walk::Played } else { Walk::Still }),
                Address::Lineage(name.clone(), other),
                Address::Operators(name.clone(), By::ALL[x % 3]),
            ] {
                let link = address.link();
                prop_assert!(link.bytes().all(|byte| byte.is_ascii_graphic()), "{}", link);
                prop_assert_eq!(read(&link), Some(address), "{}", link);
            }
        }

        #[test]
        fn any_address_is_read_or_refused(address in "[/?&=%+.a-z0-9]{0,40}") {
            let _ = read(&address);
        }
    }
}
