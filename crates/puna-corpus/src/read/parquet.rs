//! Parquet by its columns: text or html, id, url, date, source, whatever else there is.

use super::stored::ReadSeek;
use super::{Limits, Reader, Skipped, charset, date};
use crate::page::{Body, Damage, Page};
use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;
use std::collections::VecDeque;
use std::io::{self, BufReader, Read, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows read at once from each column.
const BATCH: usize = 64;

/// Parquet's reader takes bytes from several places at once; the file is one.
#[derive(Clone)]
struct Shared {
    file: Arc<Mutex<File>>,
    length: u64,
}

struct File {
    inner: Box<dyn ReadSeek>,
    /// Why the system or the store does not give more.
    failure: Option<(io::ErrorKind, String)>,
}

/// Reads on from an offset.
struct At {
    shared: Shared,
    offset: u64,
}

impl Shared {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut file.inner;
        let read = inner
            .seek(SeekFrom::Start(offset))
            .and_then(|_| inner.read(out));
        if let Err(e) = &read
            && e.kind() != io::ErrorKind::Interrupted
        {
            file.failure = Some((e.kind(), e.to_string()));
        }
        read
    }
}

impl Read for At {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.shared.read_at(self.offset, out)?;
        self.offset += n as u64;
        Ok(n)
    }
}

impl Length for Shared {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Shared {
    type T = BufReader<At>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let shared = self.clone();
        Ok(BufReader::with_capacity(
            1 << 16,
            At {
                shared,
                offset: start,
            },
        ))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        // Before memory is taken for what a damaged footer names.
        if start
            .checked_add(length as u64)
            .is_none_or(|end| end > self.length)
        {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} are not in the file"
            )));
        }
        let mut bytes = vec![0; length];
        let shared = self.clone();
        At {
            shared,
            offset: start,
        }
        .read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// What a column is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Text,
    Html,
    Id,
    Url,
    Date,
    Source,
}

struct Column {
    index: usize,
    role: Role,
    /// Definition level of a value that is there.
    full_level: i16,
    /// Counts days, not seconds or parts of them.
    in_days: bool,
}

/// The rows of a file.
pub(super) struct Parquet {
    shared: Shared,
    reader: SerializedFileReader<Shared>,
    columns: Vec<Column>,
    limits: Limits,
    /// Row group to open next.
    group: usize,
    /// The columns of the row group that is open.
    open: Vec<ColumnReader>,
    rows_left: usize,
    row: u64,
    ready: VecDeque<Result<Option<Page>, Damage>>,
}

impl Parquet {
    /// Reads the footer; says what is wrong with it.
    pub fn open(inner: Box<dyn ReadSeek>, length: u64, limits: Limits) -> Result<Self, String> {
        let failure = None;
        let file = Arc::new(Mutex::new(File { inner, failure }));
        let shared = Shared { file, length };
        let reader = guarded(|| SerializedFileReader::new(shared.clone()))
            .map_err(|e| format!("Parquet footer cannot be read: {e}"))?;
        let columns = columns(reader.metadata().file_metadata().schema_descr());
        if !columns
            .iter()
            .any(|c| matches!(c.role, Role::Text | Role::Html))
        {
            let what = "no column text, html or content that holds strings; rename the column";
            return Err(what.to_owned());
        }
        // Refused at once: it would be damage in every row group.
        let groups = reader.metadata().row_groups();
        let chunks = groups
            .iter()
            .flat_map(|g| columns.iter().map(|c| g.columns().get(c.index)));
        for codec in chunks.flatten().map(ColumnChunkMetaData::compression) {
            if matches!(codec, Compression::BROTLI(_) | Compression::LZO) {
                return Err(format!(
                    "compressed with {codec}; write it with zstd instead"
                ));
            }
        }
        Ok(Self {
            shared,
            reader,
            columns,
            limits,
            group: 0,
            open: Vec::new(),
            rows_left: 0,
            row: 0,
            ready: VecDeque::new(),
        })
    }

    /// Opens the next row group.
    fn open_group(&mut self) -> ParquetResult<()> {
        let group = self.reader.get_row_group(self.group)?;
        self.open.clear();
        for column in &self.columns {
            self.open.push(group.get_column_reader(column.index)?);
        }
        Ok(())
    }

    /// Gives the rest of a row group up.
    fn leave_group(&mut self, error: &ParquetError) -> Damage {
        let (group, lost) = (self.group - 1, self.rows_left as u64);
        let offset = self.row + 1;
        self.row += lost;
        self.rows_left = 0;
        self.open.clear();
        let what = format!("row group {group} from row {offset}, {lost} rows are lost: {error}");
        Damage { offset, what }
    }

    /// Reads some rows of the open row group.
    fn read_batch(&mut self) -> ParquetResult<()> {
        let rows = BATCH.min(self.rows_left);
        let mut values: Vec<Vec<Option<Vec<u8>>>> = Vec::with_capacity(self.columns.len());
        for (column, reader) in self.columns.iter().zip(&mut self.open) {
            let level = column.full_level;
            let read = match reader {
                ColumnReader::ByteArrayColumnReader(reader) => {
                    read(reader, rows, level, |v| v.data().to_vec())
                }
                ColumnReader::Int64ColumnReader(reader) => {
                    read(reader, rows, level, |v| v.to_string().into_bytes())
                }
                ColumnReader::Int32ColumnReader(reader) => read(reader, rows, level, |v| {
                    let seconds = if column.in_days { 86_400 } else { 1 };
                    (i64::from(*v) * seconds).to_string().into_bytes()
                }),
                _ => Ok(vec![None; rows]),
            }?;
            values.push(read);
        }
        for row in 0..rows {
            self.row += 1;
            let cells = values.iter_mut().map(|c| c[row].take());
            let cells = self.columns.iter().map(|c| c.role).zip(cells);
            let page = page(cells, self.row, self.limits.record);
            let offset = self.row;
            self.ready
                .push_back(page.map_err(|what| Damage { offset, what }));
        }
        self.rows_left -= rows;
        Ok(())
    }
}

/// Parquet's decoder takes some damage for impossible and panics; to us that is damage like other,
/// and what it was reading is given up.
fn guarded<T>(work: impl FnOnce() -> ParquetResult<T>) -> ParquetResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let what = "damaged in a way that its decoder does not foresee";
        Err(ParquetError::General(what.to_owned()))
    })
}

/// The columns that are read; the first of several for the same.
fn columns(schema: &SchemaDescriptor) -> Vec<Column> {
    let wanted: [(Role, &[&str]); 6] = [
        (Role::Text, &["text"]),
        (Role::Html, &["html", "content"]),
        (Role::Id, &["id"]),
        (Role::Url, &["url", "metadata.url"]),
        (
            Role::Date,
            &["date", "timestamp", "metadata.date", "created", "added"],
        ),
        (Role::Source, &["source"]),
    ];
    let find = |(role, names): (Role, &[&str])| {
        names.iter().find_map(|name| {
            let mut all = schema.columns().iter().enumerate();
            let (index, column) = all.find(|(_, c)| c.path().string() == *name)?;
            let is_text = matches!(role, Role::Text | Role::Html);
            let fits = match column.physical_type() {
                Type::BYTE_ARRAY => true,
                Type::INT64 | Type::INT32 => !is_text,
                _ => false,
            };
            let flat = column.max_rep_level() == 0;
            (fits && flat).then(|| Column {
                index,
                role,
                full_level: column.max_def_level(),
                in_days: column.logical_type_ref() == Some(&LogicalType::Date),
            })
        })
    };
    let mut columns: Vec<Column> = wanted.into_iter().filter_map(find).collect();
    // As in JSON lines, text is read where there are both.
    if columns.iter().any(|c| c.role == Role::Text) {
        columns.retain(|c| c.role != Role::Html);
    }
    columns
}

/// Reads rows of a column, None where a value is missing.
fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    rows: usize,
    full_level: i16,
    bytes: impl Fn(&T::T) -> Vec<u8>,
) -> ParquetResult<Vec<Option<Vec<u8>>>> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let mut records = 0;
    while records < rows {
        // A column that no row may lack has no levels.
        let levels = (full_level > 0).then_some(&mut levels);
        let (new, ..) = reader.read_records(rows - records, levels, None, &mut values)?;
        if new == 0 {
            return Err(ParquetError::EOF(
                "a column ends before its row group".into(),
            ));
        }
        records += new;
    }
    levels.resize(rows, full_level);
    let mut values = values.iter();
    let cell = |level: &i16| {
        if *level == full_level {
            values.next()
        } else {
            None
        }
    };
    Ok(levels.iter().map(cell).map(|v| v.map(&bytes)).collect())
}

/// Makes a page of the cells of a row.
fn page(
    cells: impl Iterator<Item = (Role, Option<Vec<u8>>)>,
    row: u64,
    limit: usize,
) -> Result<Option<Page>, String> {
    let mut page = Page {
        id: row.to_string(),
        url: None,
        date: None,
        source: None,
        body: Body::Text(String::new()),
    };
    for (role, cell) in cells {
        let Some(cell) = cell.filter(|c| !c.is_empty()) else {
            continue;
        };
        if cell.len() > limit {
            let length = cell.len();
            return Err(format!(
                "row {row}: {length} bytes are more than the limit of {limit}"
            ));
        }
        let is_html = role == Role::Html;
        let Some(text) = charset::decode(&cell, None, is_html, None) else {
            if matches!(role, Role::Text | Role::Html) {
                return Err(format!("row {row}: neither text nor HTML"));
            }
            continue;
        };
        match role {
            Role::Text => page.body = Body::Text(text),
            Role::Html => page.body = Body::Html(text),
            Role::Id => page.id = text,
            Role::Url => page.url = Some(text),
            Role::Date => page.date = date::normalize(&text),
            Role::Source => page.source = Some(text),
        }
    }
    let (Body::Html(text) | Body::Text(text)) = &page.body;
    Ok((!text.trim().is_empty()).then_some(page))
}

impl Reader for Parquet {
    fn next(&mut self, skipped: &mut Skipped) -> Option<Result<Page, Damage>> {
        loop {
            match self.ready.pop_front() {
                Some(Ok(Some(page))) => return Some(Ok(page)),
                Some(Ok(None)) => skipped.add("empty"),
                Some(Err(damage)) => return Some(Err(damage)),
                None if self.rows_left > 0 => {
                    if let Err(e) = guarded(|| self.read_batch()) {
                        return Some(Err(self.leave_group(&e)));
                    }
                }
                None if self.group < self.reader.num_row_groups() => {
                    let metadata = self.reader.metadata().row_group(self.group);
                    self.rows_left = usize::try_from(metadata.num_rows()).unwrap_or(0);
                    let opened = guarded(|| self.open_group());
                    self.group += 1;
                    if let Err(e) = opened {
                        return Some(Err(self.leave_group(&e)));
                    }
                }
                None => return None,
            }
        }
    }

    fn failure(&self) -> Option<io::Error> {
        let file = self.shared.file.lock();
        let file = file.unwrap_or_else(PoisonError::into_inner);
        let (kind, what) = file.failure.as_ref()?;
        Some(io::Error::new(*kind, what.clone()))
    }

    fn read_so_far(&self) -> u64 {
        let groups = self.reader.metadata().row_groups();
        let sizes = groups[..self.group].iter().map(|g| g.compressed_size());
        sizes.map(|s| u64::try_from(s).unwrap_or(0)).sum()
    }
}
