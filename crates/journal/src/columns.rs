//! Which columns a candidate and a call have, in which order, since which format: for `store`, which writes them, and
//! `row`, which reads them.
//!
//! A candidate's checksum is over the values of [`CANDIDATE`] in that order, then the digests of its text and of its
//! reason (or NULL), of its examples in their order, then of each file its path and digest, then of each artifact its
//! name, kind and digest. The checksum over the calls of a candidate is over the values of [`CALL`], then the digests of
//! prompt, answer and error (or NULL), call after call.

/// A column, and what formats before it have instead.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    since: u32,
    before: &'static str,
}

const fn column(name: &'static str) -> Column {
    Column { name, since: 1, before: "" }
}

const fn later(name: &'static str, since: u32, before: &'static str) -> Column {
    Column { name, since, before }
}

/// The values of a candidate's row that its checksum is over.
pub(crate) const CANDIDATE: [Column; 31] = [
    column("id"),
    column("parents"),
    column("genome"),
    column("vector"),
    column("measures"),
    column("objective"),
    column("negative_zero"),
    column("fate"),
    column("cell"),
    column("rank"),
    column("live_ms"),
    column("isolation"),
    column("calls"),
    column("tokens_in"),
    column("tokens_out"),
    column("cost"),
    later("price", 2, "NULL"),
    later("generator", 3, ""),
    later("model_ms", 2, "0.0"),
    later("tokens", 3, "NULL"),
    later("operator", 3, "''"),
    later("model", 3, "NULL"),
    later("stage", 3, "NULL"),
    later("horizon", 3, "0"),
    later("island", 3, "0"),
    later("evaluator", 3, "NULL"),
    later("worker", 3, "NULL"),
    later("metrics", 3, "NULL"),
    later("copy_of", 3, "NULL"),
    later("artifacts", 3, "0"),
    later("calls_checksum", 3, "NULL"),
];

/// References to texts, and the checksum: behind the values of [`CANDIDATE`].
pub(crate) const REFERENCES: [Column; 5] = [
    column("text"),
    column("why"),
    column("examples"),
    later("files", 3, "NULL"),
    later("checksum", 3, "NULL"),
];

/// The values of a call's row that the checksum is over.
pub(crate) const CALL: [Column; 12] = [
    column("role"),
    column("kind"),
    column("model"),
    column("log_probabilities"),
    column("method"),
    column("tokens_in"),
    column("tokens_out"),
    column("cost"),
    column("latency_ms"),
    column("attempts"),
    column("seed"),
    later("price", 2, "NULL"),
];

/// Where each column of [`CANDIDATE`] is.
pub(crate) mod at {
    macro_rules! count {
        ($from:expr; $name:ident $($rest:ident)*) => {
            pub(crate) const $name: usize = $from;
            count!($from + 1; $($rest)*);
        };
        ($from:expr;) => {};
    }
    count!(0; ID PARENTS GENOME VECTOR MEASURES OBJECTIVE NEGATIVE_ZERO FATE CELL RANK LIVE_MS ISOLATION CALLS TOKENS_IN
        TOKENS_OUT COST PRICE GENERATOR MODEL_MS TOKENS OPERATOR MODEL STAGE HORIZON ISLAND EVALUATOR WORKER METRICS
        COPY_OF ARTIFACTS CALLS_CHECKSUM TEXT WHY EXAMPLES FILES CHECKSUM TEXT_BODY);
    /// Codec, size, body and digest of the text; behind it those of the reason.
    pub(crate) const WHY_BODY: usize = TEXT_BODY + 4;
    /// Behind the last.
    pub(crate) const END: usize = WHY_BODY + 4;
}

/// What reads all columns of a candidate in a format, from `candidates c`.
pub(crate) fn select_candidate(format: u32) -> String {
    let columns = listed(CANDIDATE.iter().chain(&REFERENCES), "c", format);
    format!(
        "SELECT {columns}, t.codec, t.size, t.body, t.digest, w.codec, w.size, w.body, w.digest FROM candidates c \
         LEFT JOIN texts t ON t.id = c.text LEFT JOIN texts w ON w.id = c.why"
    )
}

/// What reads all columns of calls in a format, from `calls k`: codec, size, body and digest of prompt, answer and error
/// behind the values of [`CALL`].
pub(crate) fn select_calls(format: u32) -> String {
    let columns = listed(CALL.iter(), "k", format);
    format!(
        "SELECT {columns}, p.codec, p.size, p.body, p.digest, a.codec, a.size, a.body, a.digest, \
         e.codec, e.size, e.body, e.digest, k.error FROM calls k LEFT JOIN texts p ON p.id = k.prompt \
         LEFT JOIN texts a ON a.id = k.answer LEFT JOIN texts e ON e.id = k.error"
    )
}

fn listed<'a>(columns: impl Iterator<Item = &'a Column>, table: &str, format: u32) -> String {
    let listed: Vec<String> = columns.map(|column| of(column, table, format)).collect();
    listed.join(", ")
}

fn of(column: &Column, table: &str, format: u32) -> String {
    match (column.name, format) {
        ("generator", 1) => "NULL".to_owned(),
        // Until format 3 an ensemble's model was called an arm.
        ("generator", 2) => format!("{table}.arm"),
        _ if format < column.since => column.before.to_owned(),
        _ => format!("{table}.{}", column.name),
    }
}

/// `INSERT OR REPLACE` of all columns of a candidate: those of [`CANDIDATE`], then [`REFERENCES`].
pub(crate) fn insert_candidate() -> String {
    let names: Vec<&str> = CANDIDATE.iter().chain(&REFERENCES).map(|column| column.name).collect();
    insert("INSERT OR REPLACE INTO candidates", &names)
}

/// `INSERT` of a call: `candidate`, `prompt`, `answer`, `error`, then the columns of [`CALL`].
pub(crate) fn insert_call() -> String {
    let names = ["candidate", "prompt", "answer", "error"].into_iter().chain(CALL.iter().map(|c| c.name));
    insert("INSERT INTO calls", &names.collect::<Vec<_>>())
}

fn insert(into: &str, names: &[&str]) -> String {
    let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
    format!("{into} ({}) VALUES ({})", names.join(", "), places.join(", "))
}
