//! Columns for whoever reads Arrow: pandas, polars, pyarrow, DuckDB.

use std::{borrow::Cow, sync::Arc};

use arrow_array::{
    ArrayRef, RecordBatch, RecordBatchIterator,
    builder::{Float64Builder, ListBuilder, StringBuilder, UInt64Builder},
    ffi_stream::FFI_ArrowArrayStream,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pyo3::{exceptions::PyRuntimeError, prelude::*, types::PyCapsule};

/// Rows of a batch: what a reader takes at once.
const BATCH: usize = 8192;

/// A finished table.
#[pyclass(frozen, module = "samara._samara")]
pub(crate) struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

#[pymethods]
impl Table {
    /// The table as an Arrow stream, whatever schema is asked for.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // A producer may hand over its own schema instead.
        let _ = requested_schema;
        let batches: Vec<Result<RecordBatch, ArrowError>> = self.batches.iter().cloned().map(Ok).collect();
        let reader = RecordBatchIterator::new(batches, Arc::clone(&self.schema));
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// A value of a column.
pub(crate) enum Value<'a> {
    Count(Option<u64>),
    Number(Option<f64>),
    Text(Option<Cow<'a, str>>),
    Counts(&'a [u64]),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Count,
    Number,
    Text,
    Counts,
}

enum Builder {
    Count(UInt64Builder),
    Number(Float64Builder),
    Text(StringBuilder),
    Counts(ListBuilder<UInt64Builder>),
}

/// A table that is being filled, row by row.
pub(crate) struct Columns {
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
    batches: Vec<RecordBatch>,
}

impl Columns {
    /// An empty table of these columns. A name that is taken already gets `_2`, or `_3`, and so on.
    pub(crate) fn new(columns: impl IntoIterator<Item = (String, Kind)>) -> Self {
        let mut names = std::collections::BTreeSet::new();
        let mut builders = Vec::new();
        let mut field = |(name, kind): (String, Kind)| {
            builders.push(Builder::new(kind));
            let free = (1_u64..)
                .map(|number| if number == 1 { name.clone() } else { format!("{name}_{number}") })
                .find(|name| names.insert(name.clone()));
            Field::new(free.unwrap_or_default(), kind.data_type(), true)
        };
        let fields: Vec<Field> = columns.into_iter().map(&mut field).collect();
        Self { schema: Arc::new(Schema::new(fields)), builders, rows: 0, batches: Vec::new() }
    }

    /// Appends a row: a value of every column, in order.
    pub(crate) fn push(&mut self, row: &[Value<'_>]) -> PyResult<()> {
        for (builder, value) in self.builders.iter_mut().zip(row) {
            match (builder, value) {
                (Builder::Count(column), Value::Count(value)) => column.append_option(*value),
                (Builder::Number(column), Value::Number(value)) => column.append_option(*value),
                (Builder::Text(column), Value::Text(value)) => column.append_option(value.as_deref()),
                (Builder::Counts(column), Value::Counts(values)) => {
                    column.values().append_slice(values);
                    column.append(true);
                }
                _ => return Err(PyRuntimeError::new_err("a value of another kind than its column")),
            }
        }
        self.rows += 1;
        if self.rows == BATCH { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> PyResult<()> {
        let columns: Vec<ArrayRef> = self.builders.iter_mut().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        self.batches.push(batch);
        self.rows = 0;
        Ok(())
    }

    /// The finished table.
    pub(crate) fn finish(mut self) -> PyResult<Table> {
        if self.rows > 0 {
            self.close()?;
        }
        Ok(Table { schema: self.schema, batches: self.batches })
    }
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::Count => DataType::UInt64,
            Self::Number => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Counts => DataType::List(Arc::new(Field::new("item", DataType::UInt64, true))),
        }
    }
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Count => Self::Count(UInt64Builder::new()),
            Kind::Number => Self::Number(Float64Builder::new()),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Counts => Self::Counts(ListBuilder::new(UInt64Builder::new())),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Count(column) => Arc::new(column.finish()),
            Self::Number(column) => Arc::new(column.finish()),
            Self::Text(column) => Arc::new(column.finish()),
            Self::Counts(column) => Arc::new(column.finish()),
        }
    }
}
