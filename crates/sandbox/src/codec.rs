//! The wire between host and program: one exact-length frame of tagged plain data.
//!
//! | bytes | meaning |
//! |---|---|
//! | `SMR1`, u32 | magic, length of what follows (little-endian, like every number here) |
//! | status | `V` value, `E` kind and message, `S` message, `L` which budget |
//! | values | as many as the status has |
//!
//! A value is a tag and its content: `N`, `T`, `F`; `i` u32 bytes; `d` 8 bytes; `s` u32 UTF-8; `w` u32 code points of
//! 4 bytes; `b` u32 bytes; `l`, `t` u32 values; `m` u32 pairs; `a` 3 bytes of type, u8 dimensions, u64 each, data.
//! The decoder accepts exactly what the encoder writes: one encoding per value, nothing before, between or after.
//! It trusts nothing: nodes, depth and bytes have budgets, and memory is only taken for bytes that are there: every
//! value takes a byte at least, and a container takes memory for those that are still there to be read, each counted
//! once. What a frame within a budget may cost is [`Budget::most_memory`], and time n log n in its bytes.

use crate::keys;
use crate::value::{self, ALLOCATION, Array, Dtype, Int, MAX_DIMENSIONS, Value};

/// What every frame begins with.
pub const MAGIC: [u8; 4] = *b"SMR1";
/// Magic and length.
pub const HEADER: usize = 8;

/// How large a value may be. Both sides hold to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the frame's content.
    pub bytes: u32,
    /// Values in it, nested ones included. Of an array the [rows](Array::rows) count, since they are lists as soon as
    /// anybody looks at them; its items do not, since each takes bytes.
    pub nodes: u32,
    /// Values inside values, rows of arrays included; at most [`MAX_DEPTH`].
    pub depth: u32,
}

/// What of a value a budget bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// [`Budget::bytes`].
    Bytes,
    /// [`Budget::nodes`].
    Nodes,
    /// [`Budget::depth`].
    Depth,
}

impl Bound {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bytes, Self::Nodes, Self::Depth];

    /// Its name on the wire and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Nodes => "nodes",
            Self::Depth => "depth",
        }
    }

    /// The bound of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bound| bound.name() == name)
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Deepest nesting of any budget: decoding and dropping a value of this depth fit any thread's stack.
pub const MAX_DEPTH: u32 = 200;

impl Default for Budget {
    /// 4 MiB, 200,000 values, 64 deep.
    fn default() -> Self {
        Self { bytes: 4 << 20, nodes: 200_000, depth: 64 }
    }
}

impl Budget {
    /// Most bytes of memory that receiving a frame within this budget and decoding it take at any moment, what the
    /// allocator adds included: the frame itself; a copy of all that its texts, numbers and arrays hold; for each value
    /// its place in its container, two allocations (an array's shape and items) and a reference while keys are compared.
    /// The decoded value alone takes [`Value::memory`], which is less than that. The default budget gives 34 MB.
    ///
    /// What is made of the value comes on top: [`Array::to_f64`] takes 8 bytes for every item, so 8 times `bytes` at
    /// most.
    #[must_use]
    pub const fn most_memory(&self) -> u64 {
        let frame = self.bytes as u64 + HEADER as u64;
        // Every value takes a byte at least, whatever the budget of nodes.
        let values = if self.nodes < self.bytes { self.nodes } else { self.bytes } as u64;
        let each = size_of::<Value>() + 2 * ALLOCATION + size_of::<&Value>();
        // Of two large numbers that are compared as keys there are copies.
        const FEW: u64 = 1 << 10;
        2 * frame + values * each as u64 + FEW
    }
}

/// What a program said about itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// It returned a value.
    Value(Value),
    /// It raised an exception.
    Exception {
        /// The exception's type.
        kind: String,
        /// Its text.
        message: String,
    },
    /// It does not compile.
    Syntax(String),
    /// Its value is larger than its budget allows, as it says.
    Limit(Bound),
}

/// Why bytes are no frame or a value can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes end too early.
    #[error("the frame ends too early")]
    Short,
    /// Bytes are left over.
    #[error("bytes follow the frame")]
    Long,
    /// Not the magic of a frame.
    #[error("no frame begins here")]
    Magic,
    /// A budget is exceeded: bytes, nodes or depth.
    #[error("more {0} than allowed")]
    Over(Bound),
    /// Something that no encoder writes.
    #[error("the frame holds something that is not {0}")]
    Not(&'static str),
}

/// Writes a value.
///
/// # Errors
/// If it exceeds the budget, or is one that Python does not have: a dict with equal or unhashable keys (1, 1.0 and True
/// are equal), surrogates without one.
pub fn encode(value: &Value, budget: Budget) -> Result<Vec<u8>, CodecError> {
    let bytes = write(value);
    decode(&bytes, budget)?;
    Ok(bytes)
}

/// Writes a value without checking that it can be read: one encoding per value, so that equal bytes are equal values.
/// Takes as many bytes as it writes.
pub fn write(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length(value));
    put(value, &mut bytes);
    bytes
}

/// How many bytes a value takes on the wire.
fn length(value: &Value) -> usize {
    match value {
        Value::None | Value::Bool(_) => 1,
        Value::Float(_) => 1 + 8,
        Value::Int(int) => 5 + int.as_bytes().len(),
        Value::Str(text) => 5 + text.len(),
        Value::Bytes(bytes) => 5 + bytes.len(),
        Value::Surrogates(points) => 5 + 4 * points.len(),
        Value::List(values) | Value::Tuple(values) => 5 + values.iter().map(length).sum::<usize>(),
        Value::Dict(pairs) => 5 + pairs.iter().map(|(key, value)| length(key) + length(value)).sum::<usize>(),
        Value::Array(array) => 5 + 8 * array.shape().len() + array.data().len(),
    }
}

/// Reads one value that is all of the bytes.
///
/// # Errors
/// If the bytes are anything else, or exceed the budget.
pub fn decode(bytes: &[u8], budget: Budget) -> Result<Value, CodecError> {
    let mut reader = Reader::new(bytes, budget)?;
    let value = reader.whole()?;
    reader.end()?;
    Ok(value)
}

/// The content's length that a header announces, if it is a header and within the budget.
///
/// # Errors
/// If the magic is another one or the length exceeds the budget.
pub fn announced(header: [u8; HEADER], budget: Budget) -> Result<usize, CodecError> {
    let [a, b, c, d, length @ ..] = header;
    if [a, b, c, d] != MAGIC {
        return Err(CodecError::Magic);
    }
    let length = u32::from_le_bytes(length);
    if length > budget.bytes { Err(CodecError::Over(Bound::Bytes)) } else { Ok(length as usize) }
}

/// Reads a whole frame that is all of the bytes.
///
/// # Errors
/// If the bytes are anything else, or exceed the budget.
pub fn decode_frame(bytes: &[u8], budget: Budget) -> Result<Reply, CodecError> {
    let (header, content) = bytes.split_first_chunk::<HEADER>().ok_or(CodecError::Short)?;
    let length = announced(*header, budget)?;
    match content.len() {
        found if found < length => return Err(CodecError::Short),
        found if found > length => return Err(CodecError::Long),
        _ => {}
    }
    let (status, content) = content.split_first().ok_or(CodecError::Short)?;
    let mut reader = Reader::new(content, budget)?;
    let reply = match status {
        b'V' => Reply::Value(reader.whole()?),
        b'E' => Reply::Exception { kind: reader.text()?, message: reader.text()? },
        b'S' => Reply::Syntax(reader.text()?),
        b'L' => Reply::Limit(Bound::named(&reader.text()?).ok_or(CodecError::Not("a budget"))?),
        _ => return Err(CodecError::Not("a status")),
    };
    reader.end()?;
    Ok(reply)
}

/// Writes a whole frame, as programs do. For tests and other implementations.
pub fn encode_frame(reply: &Reply) -> Vec<u8> {
    let mut content = Vec::new();
    let mut text = |status: u8, texts: &[&str]| {
        content.push(status);
        texts.iter().for_each(|text| put(&Value::from(*text), &mut content));
    };
    match reply {
        Reply::Value(value) => {
            content.push(b'V');
            put(value, &mut content);
        }
        Reply::Exception { kind, message } => text(b'E', &[kind, message]),
        Reply::Syntax(message) => text(b'S', &[message]),
        Reply::Limit(bound) => text(b'L', &[bound.name()]),
    }
    let mut frame = MAGIC.to_vec();
    frame.extend((content.len() as u32).to_le_bytes());
    frame.extend(content);
    frame
}

fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::None => out.push(b'N'),
        Value::Bool(true) => out.push(b'T'),
        Value::Bool(false) => out.push(b'F'),
        Value::Int(int) => put_bytes(b'i', int.as_bytes(), out),
        Value::Float(float) => {
            out.push(b'd');
            out.extend(float.to_le_bytes());
        }
        Value::Str(text) => put_bytes(b's', text.as_bytes(), out),
        Value::Bytes(bytes) => put_bytes(b'b', bytes, out),
        Value::Surrogates(points) => {
            put_length(b'w', points.len(), out);
            points.iter().for_each(|point| out.extend(point.to_le_bytes()));
        }
        Value::List(values) | Value::Tuple(values) => {
            let tag = if matches!(value, Value::List(_)) { b'l' } else { b't' };
            put_length(tag, values.len(), out);
            values.iter().for_each(|value| put(value, out));
        }
        Value::Dict(pairs) => {
            put_length(b'm', pairs.len(), out);
            for (key, value) in pairs {
                put(key, out);
                put(value, out);
            }
        }
        Value::Array(array) => {
            out.push(b'a');
            out.extend(array.dtype().name());
            out.push(array.shape().len() as u8);
            array.shape().iter().for_each(|side| out.extend(side.to_le_bytes()));
            out.extend(array.data());
        }
    }
}

fn put_length(tag: u8, length: usize, out: &mut Vec<u8>) {
    out.push(tag);
    // A length beyond u32 wraps here and is then refused by `encode`, which reads back what it wrote.
    out.extend((length as u32).to_le_bytes());
}

fn put_bytes(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    put_length(tag, bytes.len(), out);
    out.extend(bytes);
}

struct Reader<'a> {
    rest: &'a [u8],
    /// Values that may still be announced.
    nodes: usize,
    /// Values that were announced and are still to be read, each of a byte at least.
    owed: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], budget: Budget) -> Result<Self, CodecError> {
        if bytes.len() > budget.bytes as usize {
            return Err(CodecError::Over(Bound::Bytes));
        }
        Ok(Self { rest: bytes, nodes: budget.nodes as usize, owed: 0, depth: budget.depth.min(MAX_DEPTH) })
    }

    fn end(&self) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CodecError::Long) }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(CodecError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(CodecError::Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn length(&mut self) -> Result<usize, CodecError> {
        Ok(u32::from_le_bytes(self.fixed()?) as usize)
    }

    fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, CodecError> {
        match self.whole()? {
            Value::Str(text) => Ok(text),
            _ => Err(CodecError::Not("text")),
        }
    }

    /// A value that is in no other one.
    fn whole(&mut self) -> Result<Value, CodecError> {
        self.announce(1)?;
        self.value(0)
    }

    /// Takes note of values to come, so that those of a container are counted before there is memory for them.
    fn announce(&mut self, count: usize) -> Result<(), CodecError> {
        if count > self.rest.len().saturating_sub(self.owed) {
            return Err(CodecError::Short);
        }
        self.nodes = self.nodes.checked_sub(count).ok_or(CodecError::Over(Bound::Nodes))?;
        self.owed += count;
        Ok(())
    }

    /// One of the values that were announced.
    fn value(&mut self, depth: u32) -> Result<Value, CodecError> {
        self.owed -= 1;
        if depth > self.depth {
            return Err(CodecError::Over(Bound::Depth));
        }
        let [tag] = self.fixed()?;
        Ok(match tag {
            b'N' => Value::None,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'i' => {
                Value::Int(Int::from_bytes(self.bytes()?.to_vec()).ok_or(CodecError::Not("a shortest int"))?)
            }
            b'd' => Value::Float(f64::from_le_bytes(self.fixed()?)),
            b's' => Value::Str(utf8(self.bytes()?)?),
            b'w' => Value::Surrogates(self.surrogates()?),
            b'b' => Value::Bytes(self.bytes()?.to_vec()),
            b'l' => Value::List(self.values(depth)?),
            b't' => Value::Tuple(self.values(depth)?),
            b'm' => Value::Dict(self.pairs(depth)?),
            b'a' => Value::Array(self.array(depth)?),
            _ => return Err(CodecError::Not("a tag")),
        })
    }

    fn values(&mut self, depth: u32) -> Result<Vec<Value>, CodecError> {
        let count = self.length()?;
        self.announce(count)?;
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            values.push(self.value(depth + 1)?);
        }
        Ok(values)
    }

    fn pairs(&mut self, depth: u32) -> Result<Vec<(Value, Value)>, CodecError> {
        let count = self.length()?;
        self.announce(count.checked_mul(2).ok_or(CodecError::Short)?)?;
        let mut pairs = Vec::with_capacity(count);
        let mut with_nan = 0;
        for _ in 0..count {
            let key = self.value(depth + 1)?;
            with_nan += usize::from(keys::has_nan(&key).ok_or(CodecError::Not("a hashable key"))?);
            pairs.push((key, self.value(depth + 1)?));
        }
        // NaN differs from itself: a dict may have it twice.
        let comparable = pairs.iter().map(|(key, _)| key).filter(|key| keys::has_nan(key) == Some(false));
        if keys::differ(comparable, count - with_nan) {
            Ok(pairs)
        } else {
            Err(CodecError::Not("a dict of different keys"))
        }
    }

    fn surrogates(&mut self) -> Result<Vec<u32>, CodecError> {
        let count = self.length()?;
        let bytes = self.take(count.checked_mul(4).ok_or(CodecError::Short)?)?;
        let points: Vec<u32> = bytes
            .chunks_exact(4)
            .map(|point| u32::from_le_bytes([point[0], point[1], point[2], point[3]]))
            .collect();
        let lone = points.iter().any(|point| (0xd800..0xe000).contains(point));
        let valid = points.iter().all(|point| *point <= 0x0010_ffff);
        if lone && valid { Ok(points) } else { Err(CodecError::Not("text with lone surrogates")) }
    }

    fn array(&mut self, depth: u32) -> Result<Array, CodecError> {
        let dtype = Dtype::named(&self.fixed::<3>()?).ok_or(CodecError::Not("a numeric type"))?;
        let [dimensions] = self.fixed()?;
        if usize::from(dimensions) > MAX_DIMENSIONS {
            return Err(CodecError::Not("an array of at most 64 dimensions"));
        }
        let mut shape = Vec::with_capacity(usize::from(dimensions));
        for _ in 0..dimensions {
            shape.push(u64::from_le_bytes(self.fixed()?));
        }
        let count = shape.iter().try_fold(1_u64, |count, side| count.checked_mul(*side));
        let size = count.and_then(|count| count.checked_mul(dtype.item_size() as u64));
        let size = size.and_then(|size| usize::try_from(size).ok()).ok_or(CodecError::Short)?;
        let data = self.take(size)?;
        let rows = usize::try_from(value::rows(&shape)).ok();
        let left = rows.and_then(|rows| self.nodes.checked_sub(rows));
        self.nodes = left.ok_or(CodecError::Over(Bound::Nodes))?;
        if depth + u32::from(dimensions.saturating_sub(1)) > self.depth {
            return Err(CodecError::Over(Bound::Depth));
        }
        Array::new(dtype, shape, data.to_vec()).ok_or(CodecError::Not("an array"))
    }
}

fn utf8(bytes: &[u8]) -> Result<String, CodecError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| CodecError::Not("UTF-8"))
}
