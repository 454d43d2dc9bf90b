//! The table of tensors: what is where in a file, checked against the file's length and against each other.

/// How the numbers of a tensor are stored: a type of ggml.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// ggml's number of the type.
    pub id: u32,
    /// Its name.
    pub name: &'static str,
    /// How many numbers a block holds.
    pub block: u64,
    /// How many bytes a block has.
    pub block_bytes: u64,
}

const fn encoding(id: u32, name: &'static str, block: u64, block_bytes: u64) -> Encoding {
    Encoding { id, name, block, block_bytes }
}

/// ggml's types, by `ggml.h` and `ggml-common.h`; also those whose numbers are not read, so that errors can name them.
const ENCODINGS: &[Encoding] = &[
    encoding(0, "F32", 1, 4),
    encoding(1, "F16", 1, 2),
    encoding(2, "Q4_0", 32, 18),
    encoding(3, "Q4_1", 32, 20),
    encoding(6, "Q5_0", 32, 22),
    encoding(7, "Q5_1", 32, 24),
    encoding(8, "Q8_0", 32, 34),
    encoding(9, "Q8_1", 32, 36),
    encoding(10, "Q2_K", 256, 84),
    encoding(11, "Q3_K", 256, 110),
    encoding(12, "Q4_K", 256, 144),
    encoding(13, "Q5_K", 256, 176),
    encoding(14, "Q6_K", 256, 210),
    encoding(15, "Q8_K", 256, 292),
    encoding(16, "IQ2_XXS", 256, 66),
    encoding(17, "IQ2_XS", 256, 74),
    encoding(18, "IQ3_XXS", 256, 98),
    encoding(19, "IQ1_S", 256, 50),
    encoding(20, "IQ4_NL", 32, 18),
    encoding(21, "IQ3_S", 256, 110),
    encoding(22, "IQ2_S", 256, 82),
    encoding(23, "IQ4_XS", 256, 136),
    encoding(24, "I8", 1, 1),
    encoding(25, "I16", 1, 2),
    encoding(26, "I32", 1, 4),
    encoding(27, "I64", 1, 8),
    encoding(28, "F64", 1, 8),
    encoding(29, "IQ1_M", 256, 56),
    encoding(30, "BF16", 1, 2),
    encoding(34, "TQ1_0", 256, 54),
    encoding(35, "TQ2_0", 256, 66),
    encoding(39, "MXFP4", 32, 17),
];

/// Where a tensor's numbers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Sizes, the one that varies fastest first: a matrix is `[inputs, outputs]`.
    pub shape: Vec<u64>,
    /// How the numbers are stored.
    pub encoding: Encoding,
    /// Where they begin, in bytes from the beginning of the file.
    pub start: u64,
    /// How many bytes they take.
    pub bytes: u64,
}

/// A line of the table as it stands in the file.
pub(super) struct RawTensor {
    pub name: String,
    pub shape: Vec<u64>,
    pub encoding: u32,
    pub offset: u64,
}

/// Checks the table of a file of `length` bytes whose numbers begin at `start`.
pub(super) fn place_tensors(
    table: Vec<RawTensor>,
    start: u64,
    alignment: u64,
    length: u64,
) -> Result<Vec<Tensor>, String> {
    let tensors =
        table.into_iter().map(|raw| place(raw, start, alignment, length)).collect::<Result<Vec<_>, _>>()?;
    let mut order: Vec<&Tensor> = tensors.iter().collect();
    order.sort_by_key(|tensor| tensor.start);
    match order.windows(2).find(|pair| pair[0].start + pair[0].bytes > pair[1].start) {
        Some(pair) => Err(format!("the tensors {} and {} overlap", pair[0].name, pair[1].name)),
        None => Ok(tensors),
    }
}

fn place(raw: RawTensor, start: u64, alignment: u64, length: u64) -> Result<Tensor, String> {
    let RawTensor { name, shape, encoding, offset } = raw;
    let Some(encoding) = ENCODINGS.iter().find(|known| known.id == encoding) else {
        return Err(format!("the tensor {name} is stored as type {encoding}, which is not known here"));
    };
    let row = shape.first().copied().unwrap_or(0);
    if shape.contains(&0) || !row.is_multiple_of(encoding.block) {
        let (kind, block) = (encoding.name, encoding.block);
        return Err(format!(
            "the tensor {name} is of shape {shape:?}, which {kind}'s blocks of {block} don't divide"
        ));
    }
    let numbers = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
    let bytes = numbers.and_then(|numbers| (numbers / encoding.block).checked_mul(encoding.block_bytes));
    let begins = start.checked_add(offset);
    let end = bytes.zip(begins).and_then(|(bytes, begins)| begins.checked_add(bytes));
    match (bytes, begins, end) {
        (Some(bytes), Some(begins), Some(end)) if end <= length => {
            if !offset.is_multiple_of(alignment) {
                return Err(format!(
                    "the tensor {name} begins at {offset}, not at a multiple of {alignment}"
                ));
            }
            Ok(Tensor { name, shape, encoding: *encoding, start: begins, bytes })
        }
        _ => Err(format!(
            "the tensor {name} (shape {shape:?}, at {offset}) doesn't lie inside the file's {length} bytes"
        )),
    }
}
