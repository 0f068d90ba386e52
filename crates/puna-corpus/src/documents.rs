//! Tables in Parquet by its own column interface: rows in bounded row groups, in and out.

use crate::error::{Error, Result};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use puna_text::atomic_file::AtomicFile;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A row group is written when its cells reach so many bytes, or so many rows.
const GROUP_BYTES: usize = 16 << 20;
const GROUP_ROWS: usize = 8192;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, or none.
    Text,
    /// A whole number.
    Count,
    /// A number, or none.
    Number,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text, or none.
    Text(Option<String>),
    /// A whole number.
    Count(i64),
    /// A number, or none.
    Number(Option<f64>),
}

impl Cell {
    /// A count, which never reaches the sign bit.
    pub fn count(value: u64) -> Self {
        Self::Count(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// The text of it; empty for none and for other kinds.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(Some(text)) => text,
            _ => "",
        }
    }

    /// The count of it; 0 for other kinds.
    pub fn as_count(&self) -> u64 {
        match self {
            Self::Count(value) => u64::try_from(*value).unwrap_or(0),
            _ => 0,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Text(Some(text)) => text.len() + 4,
            _ => 8,
        }
    }
}

/// Name and kind of each column.
pub type Columns = Vec<(String, Kind)>;

/// A table being written; it appears under its name when finished.
pub struct TableWriter {
    path: PathBuf,
    columns: Columns,
    writer: SerializedFileWriter<Sink>,
    rows: Vec<Vec<Cell>>,
    bytes: usize,
}

struct Sink(AtomicFile);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn damaged(path: &Path) -> impl Fn(ParquetError) -> Error + '_ {
    |e| Error::Format {
        path: path.into(),
        what: e.to_string(),
    }
}

impl TableWriter {
    /// Begins a table.
    pub fn create(path: &Path, columns: Columns) -> Result<Self> {
        let fields = columns.iter().map(|(name, kind)| {
            let (physical, repetition) = match kind {
                Kind::Text => (Physical::BYTE_ARRAY, Repetition::OPTIONAL),
                Kind::Count => (Physical::INT64, Repetition::REQUIRED),
                Kind::Number => (Physical::DOUBLE, Repetition::OPTIONAL),
            };
            let logical = (*kind == Kind::Text).then_some(LogicalType::String);
            let field = Type::primitive_type_builder(name, physical)
                .with_repetition(repetition)
                .with_logical_type(logical);
            field.build().map(Arc::new)
        });
        let fields = fields
            .collect::<Result<Vec<_>, _>>()
            .map_err(damaged(path))?;
        let schema = Type::group_type_builder("document")
            .with_fields(fields)
            .build();
        let level = ZstdLevel::try_new(3).map_err(damaged(path))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("puna ", env!("CARGO_PKG_VERSION")).into())
            .build();
        let sink = Sink(AtomicFile::create(path)?);
        let schema = Arc::new(schema.map_err(damaged(path))?);
        let writer = SerializedFileWriter::new(sink, schema, Arc::new(properties));
        Ok(Self {
            path: path.into(),
            columns,
            writer: writer.map_err(damaged(path))?,
            rows: Vec::new(),
            bytes: 0,
        })
    }

    /// Appends a row, a cell for each column.
    pub fn push(&mut self, row: Vec<Cell>) -> Result<()> {
        self.bytes += row.iter().map(Cell::bytes).sum::<usize>();
        self.rows.push(row);
        if self.bytes >= GROUP_BYTES || self.rows.len() >= GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let kinds = self.columns.iter().map(|c| c.1);
        let write = |writer: &mut SerializedFileWriter<Sink>| -> Result<(), ParquetError> {
            let mut group = writer.next_row_group()?;
            for (index, kind) in kinds.enumerate() {
                let cells = rows.iter().map(|row| row.get(index));
                let Some(mut column) = group.next_column()? else {
                    break;
                };
                match kind {
                    Kind::Text => {
                        let texts = cells.map(|cell| match cell {
                            Some(Cell::Text(Some(text))) => Some(ByteArray::from(text.as_str())),
                            _ => None,
                        });
                        let (values, levels) = split(texts);
                        let typed = column.typed::<ByteArrayType>();
                        typed.write_batch(&values, Some(&levels), None)?;
                    }
                    Kind::Count => {
                        let counts = cells.map(|cell| match cell {
                            Some(Cell::Count(value)) => *value,
                            _ => 0,
                        });
                        let values: Vec<i64> = counts.collect();
                        column
                            .typed::<Int64Type>()
                            .write_batch(&values, None, None)?;
                    }
                    Kind::Number => {
                        let numbers = cells.map(|cell| match cell {
                            Some(Cell::Number(value)) => *value,
                            _ => None,
                        });
                        let (values, levels) = split(numbers);
                        let typed = column.typed::<DoubleType>();
                        typed.write_batch(&values, Some(&levels), None)?;
                    }
                }
                column.close()?;
            }
            group.close().map(drop)
        };
        write(&mut self.writer).map_err(damaged(&self.path))
    }

    /// Writes what is left and gives the file its name.
    pub fn finish(mut self) -> Result<()> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        let sink = self.writer.into_inner().map_err(damaged(&self.path))?;
        Ok(sink.0.commit()?)
    }
}

/// Values that are there, and a level for each row that says whether it is.
fn split<T>(cells: impl Iterator<Item = Option<T>>) -> (Vec<T>, Vec<i16>) {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        levels.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    (values, levels)
}

/// Calls `each` with the rows of every row group of a table that [`TableWriter`] wrote, the named
/// columns only, in that order.
pub fn read_groups(
    path: &Path,
    names: &[&str],
    mut each: impl FnMut(Vec<Vec<Cell>>) -> Result<()>,
) -> Result<()> {
    Groups::open(path, names)?.try_for_each(|rows| each(rows?))
}

/// The row groups of a table that [`TableWriter`] wrote, one after the other.
pub struct Groups {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    /// The columns that are read, in that order.
    columns: Vec<usize>,
    next: usize,
}

impl Groups {
    /// Opens a table, to read the named columns.
    pub fn open(path: &Path, names: &[&str]) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let reader = SerializedFileReader::new(file).map_err(damaged(path))?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let mut columns = Vec::new();
        for name in names {
            let index = schema.columns().iter().position(|c| c.name() == *name);
            columns.push(index.ok_or_else(|| Error::Format {
                path: path.into(),
                what: format!("has no column {name}; remove it and run the step again"),
            })?);
        }
        Ok(Self {
            path: path.into(),
            reader,
            columns,
            next: 0,
        })
    }

    fn group(&self, group: usize) -> Result<Vec<Vec<Cell>>, ParquetError> {
        let group = self.reader.get_row_group(group)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let mut out = vec![Vec::with_capacity(self.columns.len()); rows];
        for &index in &self.columns {
            let cells = column(group.get_column_reader(index)?, rows)?;
            out.iter_mut()
                .zip(cells)
                .for_each(|(row, cell)| row.push(cell));
        }
        Ok(out)
    }
}

impl Iterator for Groups {
    type Item = Result<Vec<Vec<Cell>>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.reader.num_row_groups() {
            return None;
        }
        self.next += 1;
        Some(self.group(self.next - 1).map_err(damaged(&self.path)))
    }
}

fn column(reader: ColumnReader, rows: usize) -> Result<Vec<Cell>, ParquetError> {
    let mut levels = Vec::new();
    Ok(match reader {
        ColumnReader::ByteArrayColumnReader(mut reader) => {
            let mut values = Vec::new();
            reader.read_records(rows, Some(&mut levels), None, &mut values)?;
            let text = |v: ByteArray| String::from_utf8_lossy(v.data()).into_owned();
            let cells = join(values.into_iter().map(text), &levels);
            cells.map(Cell::Text).collect()
        }
        ColumnReader::DoubleColumnReader(mut reader) => {
            let mut values = Vec::new();
            reader.read_records(rows, Some(&mut levels), None, &mut values)?;
            join(values.into_iter(), &levels)
                .map(Cell::Number)
                .collect()
        }
        ColumnReader::Int64ColumnReader(mut reader) => {
            let mut values = Vec::new();
            reader.read_records(rows, None, None, &mut values)?;
            values.into_iter().map(Cell::Count).collect()
        }
        _ => return Err(ParquetError::General("a column of another type".into())),
    })
}

fn join<T>(mut values: impl Iterator<Item = T>, levels: &[i16]) -> impl Iterator<Item = Option<T>> {
    levels
        .iter()
        .map(move |&l| if l > 0 { values.next() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.parquet");
        let columns = ["a", "b", "c"].map(String::from).into_iter();
        let columns = columns
            .zip([Kind::Text, Kind::Count, Kind::Number])
            .collect();
        let mut writer = TableWriter::create(&path, columns).unwrap();
        let row = |i: u64| {
            let text = (!i.is_multiple_of(3)).then(|| format!("ü{i}"));
            let number = i.is_multiple_of(2).then_some(i as f64 / 2.0);
            vec![Cell::Text(text), Cell::count(i), Cell::Number(number)]
        };
        (0..20_000).for_each(|i| writer.push(row(i)).unwrap());
        writer.finish().unwrap();
        let mut at = 0;
        read_groups(&path, &["c", "a", "b"], |rows| {
            for read in rows {
                let mut expected = row(at);
                expected.rotate_right(1);
                assert_eq!(read, expected);
                at += 1;
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(at, 20_000);
    }
}
