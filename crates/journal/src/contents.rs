//! What a run holds beside its candidates: header, input files, cells, events, ends of sessions; written and read.
//!
//! Each row's checksum is over its values in the order of its table, a text counting as its digest, without the checksum
//! itself; how many rows a table has is in the totals.

use rusqlite::{Connection, Row, params};

use crate::check::integer;
use crate::checksum::{Checksum, Digest};
use crate::error::JournalError;
use crate::fault::{Fault, wrong};
use crate::record::{Cells, Event, EventKind, Header, Input, MAX_CONFIG_BYTES, SessionEnd};
use crate::row::{checksum, integer as unsigned, seed, string};
use crate::store::Store;
use crate::texts::Texts;

/// Stores what the run is: the only row of `run`, and in which format it began.
pub(crate) fn write_header(store: &mut Store, header: &Header, begun: u32) -> Result<(), JournalError> {
    store.execute("DELETE FROM run", [])?;
    let seed = header.seed.to_string();
    let sum = header_checksum(header, &seed, begun);
    store.execute(
        "INSERT INTO run (config, experiment, environment, seed, samara, created, id, begun, checksum) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            header.config,
            header.experiment,
            header.environment,
            seed,
            header.samara,
            header.created,
            header.id,
            begun,
            sum
        ],
    )
}

fn header_checksum(header: &Header, seed: &str, begun: u32) -> Digest {
    let mut sum = Checksum::default();
    let Header { id, config, experiment, environment, seed: _, samara, created } = header;
    for text in [config, experiment, environment, seed, samara, created, id] {
        sum.text(text);
    }
    sum.integer(begun.into());
    sum.end()
}

/// What the run is, and in which format it began.
pub(crate) fn read_header(connection: &Connection, format: u32) -> Result<(Header, u32), Fault> {
    let later = if format < 3 { "'', 0, NULL" } else { "id, begun, checksum" };
    let select = format!("SELECT config, experiment, environment, seed, samara, created, {later} FROM run");
    let mut statement = connection.prepare(&select)?;
    let mut rows = statement.query([])?;
    let row = rows.next()?.ok_or_else(|| wrong("it doesn't say what the run is"))?;
    let text = |column| -> Result<String, Fault> {
        let text = string(row, column)?.ok_or_else(|| wrong("it doesn't say what the run is"))?;
        if text.len() > MAX_CONFIG_BYTES {
            return Err(wrong(
                "its configuration, or another text that says what it is, is larger than 1 MiB",
            ));
        }
        Ok(text.to_owned())
    };
    let header = Header {
        config: text(0)?,
        experiment: text(1)?,
        environment: text(2)?,
        seed: seed(row, 3)?,
        samara: text(4)?,
        created: text(5)?,
        id: text(6)?,
    };
    let begun = if format < 3 { format } else { row.get(7)? };
    if format >= 3 && checksum(row, 8)? != Some(header_checksum(&header, &header.seed.to_string(), begun)) {
        return Err(wrong("what it says of the run is not what was recorded: its checksum differs"));
    }
    match rows.next()? {
        Some(_) => Err(wrong("it says twice what the run is")),
        None => Ok((header, begun)),
    }
}

/// Stores an input file.
pub(crate) fn write_input(store: &mut Store, position: i64, input: &Input) -> Result<(), JournalError> {
    let (text, digest) = (store.bytes(&input.bytes)?, input.digest());
    let mut sum = Checksum::default();
    sum.integer(position);
    sum.text(&input.key);
    sum.text(&input.path);
    sum.text(&digest);
    sum.digest(Some(&text.digest));
    store.execute(
        "INSERT INTO inputs (position, key, path, digest, text, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![position, input.key, input.path, digest, text.id, sum.end()],
    )
}

/// All input files, in the order they were given.
pub(crate) fn read_inputs(
    connection: &Connection,
    texts: &mut Texts,
    count: u64,
) -> Result<Vec<Input>, Fault> {
    let select = "SELECT position, key, path, digest, text, checksum FROM inputs ORDER BY position";
    list(connection, select, count, "its input files", &mut |row, position| {
        let content = texts.by_id(connection, row.get(4)?)?;
        let (key, path, digest): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let mut sum = Checksum::default();
        sum.integer(position);
        sum.text(&key);
        sum.text(&path);
        sum.text(&digest);
        sum.digest(Some(&content.digest));
        let input = Input { key, path, bytes: content.bytes };
        if checksum(row, 5)? != Some(sum.end()) || input.digest() != digest {
            return Err(wrong(format!("the input file `{}` is not the one that was recorded", input.key)));
        }
        Ok(input)
    })
}

/// Stores the cells of an island.
pub(crate) fn write_cells(store: &mut Store, position: i64, cells: &Cells) -> Result<(), JournalError> {
    let json = serde_json::to_string(&cells.tessellation).expect("cells always have a JSON text");
    let text = store.text(&json)?;
    let from_index = integer("a candidate's index", cells.from_index)?;
    let sum = cells_checksum(position, cells.island, from_index, &text.digest);
    store.execute(
        "INSERT INTO tessellations (position, island, from_index, text, checksum) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![position, cells.island, from_index, text.id, sum],
    )
}

fn cells_checksum(position: i64, island: u32, from_index: i64, text: &Digest) -> Digest {
    let mut sum = Checksum::default();
    sum.integer(position);
    sum.integer(island.into());
    sum.integer(from_index);
    sum.digest(Some(text));
    sum.end()
}

/// All cells; `parse` makes them of their JSON.
pub(crate) fn read_cells(
    connection: &Connection,
    texts: &mut Texts,
    count: u64,
    parse: fn(&str) -> Result<samara_qd::Tessellation, String>,
) -> Result<Vec<Cells>, Fault> {
    let select = "SELECT position, island, from_index, text, checksum FROM tessellations ORDER BY position";
    list(connection, select, count, "its cells", &mut |row, position| {
        let content = texts.by_id(connection, row.get(3)?)?;
        let (island, from_index) = (row.get(1)?, unsigned(row, 2)?);
        let sum = cells_checksum(position, island, row.get(2)?, &content.digest);
        if checksum(row, 4)? != Some(sum) {
            return Err(wrong("its cells are not those that were recorded: their checksum differs"));
        }
        let tessellation = parse(&content.text()?).map_err(|what| wrong(format!("its cells: {what}")))?;
        Ok(Cells { island, from_index, tessellation })
    })
}

/// Stores an event.
pub(crate) fn write_event(store: &mut Store, position: i64, event: &Event) -> Result<(), JournalError> {
    let json = match &event.kind {
        EventKind::Migration(migration) => serde_json::to_string(migration),
        EventKind::Control(control) => serde_json::to_string(control),
        EventKind::Work(work) => serde_json::to_string(work),
    };
    let text = store.text(&json.expect("events always have a JSON text"))?;
    let after = integer("a number of candidates", event.after)?;
    let sum = event_checksum(position, after, event.kind.name(), &text.digest);
    store.execute(
        "INSERT INTO events (position, after, kind, text, checksum) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![position, after, event.kind.name(), text.id, sum],
    )
}

fn event_checksum(position: i64, after: i64, kind: &str, text: &Digest) -> Digest {
    let mut sum = Checksum::default();
    sum.integer(position);
    sum.integer(after);
    sum.text(kind);
    sum.digest(Some(text));
    sum.end()
}

/// All events, in the order in which they happened.
pub(crate) fn read_events(
    connection: &Connection,
    texts: &mut Texts,
    count: u64,
) -> Result<Vec<Event>, Fault> {
    let select = "SELECT position, after, kind, text, checksum FROM events ORDER BY position";
    list(connection, select, count, "its events", &mut |row, position| {
        let content = texts.by_id(connection, row.get(3)?)?;
        let (after, kind) = (unsigned(row, 1)?, string(row, 2)?.unwrap_or_default());
        if checksum(row, 4)? != Some(event_checksum(position, row.get(1)?, kind, &content.digest)) {
            return Err(wrong("an event is not what was recorded: its checksum differs"));
        }
        let json = |error: serde_json::Error| wrong(format!("an event: {error}"));
        let kind = match kind {
            "migration" => EventKind::Migration(serde_json::from_slice(&content.bytes).map_err(json)?),
            "control" => EventKind::Control(serde_json::from_slice(&content.bytes).map_err(json)?),
            "work" => EventKind::Work(serde_json::from_slice(&content.bytes).map_err(json)?),
            _ => return Err(wrong("there is no such kind of event")),
        };
        Ok(Event { after, kind })
    })
}

/// Stores the end of a session.
pub(crate) fn write_session(store: &mut Store, position: i64, end: &SessionEnd) -> Result<(), JournalError> {
    let SessionEnd { reason, ended, .. } = end;
    let candidates = integer("a number of candidates", end.candidates)?;
    store.execute(
        "INSERT INTO sessions (id, ended, candidates, reason, checksum) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![position, ended, candidates, reason, session_checksum(position, ended, candidates, reason)],
    )
}

/// This moment in RFC 3339 (UTC).
pub(crate) fn now(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", [], |row| row.get(0))
}

fn session_checksum(position: i64, ended: &str, candidates: i64, reason: &str) -> Digest {
    let mut sum = Checksum::default();
    sum.integer(position);
    sum.text(ended);
    sum.integer(candidates);
    sum.text(reason);
    sum.end()
}

/// How the sessions ended; of formats before 3 (`count` is `None`) unchecked.
pub(crate) fn read_sessions(connection: &Connection, count: Option<u64>) -> Result<Vec<SessionEnd>, Fault> {
    let column = if count.is_none() { "NULL" } else { "checksum" };
    let select = format!("SELECT id, ended, candidates, reason, {column} FROM sessions ORDER BY id");
    let mut read = |row: &Row<'_>, position: i64| {
        let end = SessionEnd { reason: row.get(3)?, candidates: unsigned(row, 2)?, ended: row.get(1)? };
        let sum = session_checksum(position, &end.ended, row.get(2)?, &end.reason);
        if count.is_some() && checksum(row, 4)? != Some(sum) {
            return Err(wrong("a session's end is not what was recorded: its checksum differs"));
        }
        Ok(end)
    };
    match count {
        Some(count) => list(connection, &select, count, "its ends of sessions", &mut read),
        None => {
            let mut statement = connection.prepare(&select)?;
            let mut rows = statement.query([])?;
            let mut ends = Vec::new();
            while let Some(row) = rows.next()? {
                ends.push(read(row, row.get(0)?)?);
            }
            Ok(ends)
        }
    }
}

/// What makes a record of a row at its position.
type Read<'a, T> = &'a mut dyn FnMut(&Row<'_>, i64) -> Result<T, Fault>;

/// The rows of a table that the totals say to have `count`, at the positions 0, 1, 2, ...
fn list<T>(
    connection: &Connection,
    select: &str,
    count: u64,
    what: &str,
    read: Read<'_, T>,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let position: i64 = row.get(0)?;
        if usize::try_from(position) != Ok(records.len()) {
            return Err(wrong(format!("{what} are incomplete")));
        }
        records.push(read(row, position)?);
    }
    if records.len() as u64 == count { Ok(records) } else { Err(wrong(format!("{what} are incomplete"))) }
}

/// The pool, and the checksum of its texts.
pub(crate) fn read_pool(
    connection: &Connection,
    texts: &mut Texts,
) -> Result<(Vec<String>, Option<Digest>), Fault> {
    let select = "SELECT p.text FROM pool p ORDER BY p.position";
    let mut statement = connection.prepare(select)?;
    let mut rows = statement.query([])?;
    let (mut pool, mut sum) = (Vec::new(), Checksum::default());
    while let Some(row) = rows.next()? {
        let content = texts.by_id(connection, row.get(0)?)?;
        sum.digest(Some(&content.digest));
        pool.push(content.text()?);
    }
    Ok((pool, (!sum.is_empty()).then(|| sum.end())))
}

/// Stores the pool; the checksum of its texts.
pub(crate) fn write_pool(store: &mut Store, pool: &[String]) -> Result<Option<Digest>, JournalError> {
    let mut sum = Checksum::default();
    for (position, text) in (0_i64..).zip(pool) {
        let stored = store.text(text)?;
        sum.digest(Some(&stored.digest));
        store.execute("INSERT INTO pool (position, text) VALUES (?1, ?2)", [position, stored.id])?;
    }
    Ok((!sum.is_empty()).then(|| sum.end()))
}
