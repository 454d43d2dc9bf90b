//! Parquet files: as much of the format as a table of whole numbers, numbers, texts and lists needs.
//!
//! Written by hand, since that is less than the smallest crate for it: <https://parquet.apache.org/docs/file-format/>,
//! with its metadata in Thrift's compact protocol. A row group has one page a column, plain values, packed by gzip; what a
//! row lacks is told by definition levels. The same rows are the same bytes.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};

const MAGIC: &[u8; 4] = b"PAR1";

/// The values of a column, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    Whole(Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
    /// Lists of whole numbers, empty ones among them.
    Lists(Vec<Vec<i64>>),
}

impl Values {
    fn physical(&self) -> i32 {
        match self {
            Self::Whole(_) | Self::Lists(_) => 2,
            Self::Number(_) => 5,
            Self::Text(_) => 6,
        }
    }

    fn is_list(&self) -> bool {
        matches!(self, Self::Lists(_))
    }

    fn rows(&self) -> usize {
        match self {
            Self::Whole(all) => all.len(),
            Self::Number(all) => all.len(),
            Self::Text(all) => all.len(),
            Self::Lists(all) => all.len(),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Whole(all) => all.clear(),
            Self::Number(all) => all.clear(),
            Self::Text(all) => all.clear(),
            Self::Lists(all) => all.clear(),
        }
    }

    /// The bytes of a page, and how many values it counts.
    fn page(&self) -> (Vec<u8>, usize) {
        let mut page = Vec::new();
        let count = match self {
            Self::Whole(all) => optional(&mut page, all, |page, one| page.extend(one.to_le_bytes())),
            Self::Number(all) => optional(&mut page, all, |page, one| page.extend(one.to_le_bytes())),
            Self::Text(all) => optional(&mut page, all, |page, one| {
                page.extend((one.len() as u32).to_le_bytes());
                page.extend(one.as_bytes());
            }),
            Self::Lists(all) => {
                let begun = all.iter().flat_map(|list| (0..list.len().max(1)).map(|place| place > 0));
                levels(&mut page, begun);
                let held = all.iter().flat_map(|list| (0..list.len().max(1)).map(|_| !list.is_empty()));
                levels(&mut page, held);
                all.iter().flatten().for_each(|one| page.extend(one.to_le_bytes()));
                all.iter().map(|list| list.len().max(1)).sum()
            }
        };
        (page, count)
    }
}

fn optional<T>(page: &mut Vec<u8>, all: &[Option<T>], mut write: impl FnMut(&mut Vec<u8>, &T)) -> usize {
    levels(page, all.iter().map(Option::is_some));
    all.iter().flatten().for_each(|one| write(page, one));
    all.len()
}

/// Levels of 0 and 1, as runs behind their length in bytes.
fn levels(page: &mut Vec<u8>, all: impl Iterator<Item = bool>) {
    let mut runs: Vec<(u64, bool)> = Vec::new();
    for one in all {
        match runs.last_mut() {
            Some((length, level)) if *level == one => *length += 1,
            _ => runs.push((1, one)),
        }
    }
    let mut bytes = Vec::new();
    for (length, level) in runs {
        varint(&mut bytes, length << 1);
        bytes.push(u8::from(level));
    }
    page.extend((bytes.len() as u32).to_le_bytes());
    page.extend(bytes);
}

/// A column of a file that is being written.
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) values: Values,
}

/// Where a column's page is.
struct Chunk {
    at: u64,
    plain: u64,
    packed: u64,
    count: usize,
}

/// A file that is being written, row group by row group.
pub(crate) struct Table<'a> {
    out: &'a mut dyn Write,
    at: u64,
    pub(crate) columns: Vec<Column>,
    groups: Vec<(usize, Vec<Chunk>)>,
}

impl<'a> Table<'a> {
    /// Begins a file with these columns, whose values are empty.
    pub(crate) fn begin(out: &'a mut dyn Write, columns: Vec<Column>) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self { out, at: 4, columns, groups: Vec::new() })
    }

    /// Rows that are held.
    pub(crate) fn held(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.rows())
    }

    /// Writes the rows that are held as a group.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let rows = self.held();
        if rows == 0 {
            return Ok(());
        }
        let mut chunks = Vec::new();
        for place in 0..self.columns.len() {
            let (page, count) = self.columns[place].values.page();
            self.columns[place].values.clear();
            let mut packer = GzEncoder::new(Vec::new(), Compression::default());
            packer.write_all(&page)?;
            let packed = packer.finish()?;
            let header = page_header(page.len(), packed.len(), count);
            self.out.write_all(&header)?;
            self.out.write_all(&packed)?;
            let (plain, size) = ((header.len() + page.len()) as u64, (header.len() + packed.len()) as u64);
            chunks.push(Chunk { at: self.at, plain, packed: size, count });
            self.at += size;
        }
        self.groups.push((rows, chunks));
        Ok(())
    }

    /// Writes what is held and the file's end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        let footer = self.footer();
        self.out.write_all(&footer)?;
        self.out.write_all(&(footer.len() as u32).to_le_bytes())?;
        self.out.write_all(MAGIC)
    }

    fn footer(&self) -> Vec<u8> {
        let mut thrift = Thrift::default();
        thrift.i32(1, 1);
        let elements: usize =
            1 + self.columns.iter().map(|one| if one.values.is_list() { 3 } else { 1 }).sum::<usize>();
        thrift.list(2, STRUCT, elements);
        thrift.within(|root| {
            root.text(4, "candidates");
            root.i32(5, self.columns.len() as i32);
        });
        self.columns.iter().for_each(|column| schema(&mut thrift, column));
        thrift.i64(3, self.groups.iter().map(|(rows, _)| *rows as i64).sum());
        thrift.list(4, STRUCT, self.groups.len());
        for (rows, chunks) in &self.groups {
            thrift.within(|group| {
                group.list(1, STRUCT, chunks.len());
                for (column, chunk) in self.columns.iter().zip(chunks) {
                    group.within(|thrift| column_chunk(thrift, column, chunk));
                }
                group.i64(2, chunks.iter().map(|chunk| chunk.plain as i64).sum());
                group.i64(3, *rows as i64);
            });
        }
        thrift.text(6, "samara");
        thrift.end()
    }
}

fn schema(thrift: &mut Thrift, column: &Column) {
    let (required, optional, repeated) = (0, 1, 2);
    let values = &column.values;
    if values.is_list() {
        thrift.within(|list| {
            list.i32(3, required);
            list.text(4, &column.name);
            list.i32(5, 1);
            list.i32(6, 3);
        });
        thrift.within(|list| {
            list.i32(3, repeated);
            list.text(4, "list");
            list.i32(5, 1);
        });
        thrift.within(|element| {
            element.i32(1, values.physical());
            element.i32(3, required);
            element.text(4, "element");
        });
        return;
    }
    thrift.within(|element| {
        element.i32(1, values.physical());
        element.i32(3, optional);
        element.text(4, &column.name);
        if matches!(values, Values::Text(_)) {
            element.i32(6, 0);
        }
    });
}

fn column_chunk(thrift: &mut Thrift, column: &Column, chunk: &Chunk) {
    thrift.i64(2, chunk.at as i64);
    thrift.field(3, STRUCT);
    thrift.within(|data| {
        data.i32(1, column.values.physical());
        data.list(2, I32, 2);
        // Plain values, and runs of levels.
        data.bare(0);
        data.bare(3);
        let below: &[&str] = if column.values.is_list() { &["list", "element"] } else { &[] };
        data.list(3, BINARY, 1 + below.len());
        data.bare_text(&column.name);
        below.iter().for_each(|part| data.bare_text(part));
        // Gzip.
        data.i32(4, 2);
        data.i64(5, chunk.count as i64);
        data.i64(6, chunk.plain as i64);
        data.i64(7, chunk.packed as i64);
        data.i64(9, chunk.at as i64);
    });
}

fn page_header(plain: usize, packed: usize, count: usize) -> Vec<u8> {
    let mut thrift = Thrift::default();
    thrift.i32(1, 0);
    thrift.i32(2, plain as i32);
    thrift.i32(3, packed as i32);
    thrift.field(5, STRUCT);
    thrift.within(|data| {
        data.i32(1, count as i32);
        data.i32(2, 0);
        data.i32(3, 3);
        data.i32(4, 3);
    });
    thrift.end()
}

/// Types of Thrift's compact protocol.
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A structure in Thrift's compact protocol, field by field in ascending order.
#[derive(Default)]
struct Thrift {
    bytes: Vec<u8>,
    last: u8,
}

impl Thrift {
    fn field(&mut self, number: u8, kind: u8) {
        self.bytes.push(((number - self.last) << 4) | kind);
        self.last = number;
    }

    fn i32(&mut self, number: u8, value: i32) {
        self.field(number, I32);
        self.bare(value.into());
    }

    fn i64(&mut self, number: u8, value: i64) {
        self.field(number, I64);
        self.bare(value);
    }

    fn text(&mut self, number: u8, text: &str) {
        self.field(number, BINARY);
        self.bare_text(text);
    }

    fn list(&mut self, number: u8, kind: u8, length: usize) {
        self.field(number, LIST);
        if length < 15 {
            self.bytes.push(((length as u8) << 4) | kind);
        } else {
            self.bytes.push(0xf0 | kind);
            varint(&mut self.bytes, length as u64);
        }
    }

    fn bare(&mut self, value: i64) {
        varint(&mut self.bytes, ((value << 1) ^ (value >> 63)) as u64);
    }

    fn bare_text(&mut self, text: &str) {
        varint(&mut self.bytes, text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    /// A structure as an element of a list, or behind its [`Thrift::field`].
    fn within(&mut self, fill: impl FnOnce(&mut Self)) {
        let last = std::mem::take(&mut self.last);
        fill(self);
        self.bytes.push(0);
        self.last = last;
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_marks_its_pages_and_a_footer_of_the_length_that_it_says() {
        let mut out = Vec::new();
        let column = |name: &str, values| Column { name: name.to_owned(), values };
        let columns = vec![
            column("index", Values::Whole(vec![Some(0), None])),
            column("text", Values::Text(vec![Some("a".into()), Some("é".into())])),
            column("parents", Values::Lists(vec![vec![], vec![1, 2]])),
            column("objective", Values::Number(vec![None, Some(-0.5)])),
        ];
        Table::begin(&mut out, columns).unwrap().finish().unwrap();
        assert!(out.starts_with(MAGIC) && out.ends_with(MAGIC));
        let end = out.len() - 8;
        let length = u32::from_le_bytes(out[end..end + 4].try_into().unwrap()) as usize;
        // Field 1 of the metadata: version 1; field 2: a list of seven elements of the schema.
        assert_eq!(out[end - length..][..4], [0x15, 2, 0x19, 0x7c]);
    }

    #[test]
    fn levels_are_runs_and_lists_begin_at_level_0() {
        let mut page = Vec::new();
        levels(&mut page, [true, true, true, false].into_iter());
        assert_eq!(page, [4, 0, 0, 0, 6, 1, 2, 0]);
        let (page, count) = Values::Lists(vec![vec![], vec![7, 8]]).page();
        assert_eq!(count, 3);
        // Repetition 0 0 1, definition 0 1 1, then the values.
        assert_eq!(page[..16], [4, 0, 0, 0, 4, 0, 2, 1, 4, 0, 0, 0, 2, 0, 4, 1]);
        assert_eq!(page.len(), 16 + 16);
        assert_eq!(Values::Number(vec![None, Some(1.0)]).page().0.len(), 4 + 4 + 8);
    }
}
