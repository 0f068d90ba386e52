//! A matrix of a fastText model: plain, or coded by a product quantizer.

use super::reader::Reader;
use crate::error::Result;
use std::io::Read;

/// Centroids of each part of a vector.
const CENTROIDS: usize = 256;

#[derive(Debug)]
pub(super) struct Matrix {
    rows: usize,
    columns: usize,
    storage: Storage,
}

#[derive(Debug)]
enum Storage {
    Plain(Vec<f32>),
    Quantized {
        /// One code per row and part.
        codes: Vec<u8>,
        quantizer: ProductQuantizer,
        /// Lengths of the rows, where rows were normalised before they were coded.
        norms: Option<Vec<f32>>,
    },
}

impl Matrix {
    pub(super) fn read(reader: &mut Reader<impl Read>, quantized: bool) -> Result<Self> {
        if quantized {
            Self::read_quantized(reader)
        } else {
            let (rows, columns) = read_shape(reader)?;
            let values = reader.floats(rows as u64 * columns as u64)?;
            Ok(Self {
                rows,
                columns,
                storage: Storage::Plain(values),
            })
        }
    }

    fn read_quantized(reader: &mut Reader<impl Read>) -> Result<Self> {
        let normalised = reader.flag("the flag for coded norms")?;
        let (rows, columns) = read_shape(reader)?;
        let size = reader.size32("the size of the codes", 0..=i32::MAX)?;
        let codes = reader.bytes(size as u64)?;
        let quantizer = ProductQuantizer::read(reader, columns)?;
        if codes.len() != rows * quantizer.parts {
            return Err(reader.refuse(format_args!(
                "{} codes for {rows} rows of {} parts",
                codes.len(),
                quantizer.parts
            )));
        }
        let norms = if normalised {
            let codes = reader.bytes(rows as u64)?;
            let quantizer = ProductQuantizer::read(reader, 1)?;
            Some(codes.iter().map(|&c| quantizer.centroid(0, c)[0]).collect())
        } else {
            None
        };
        Ok(Self {
            rows,
            columns,
            storage: Storage::Quantized {
                codes,
                quantizer,
                norms,
            },
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Adds a row to a vector.
    pub(super) fn add_row(&self, row: usize, vector: &mut [f32]) {
        match &self.storage {
            Storage::Plain(values) => {
                let row = &values[row * self.columns..][..self.columns];
                for (x, value) in vector.iter_mut().zip(row) {
                    *x += value;
                }
            }
            Storage::Quantized {
                codes,
                quantizer,
                norms,
            } => {
                let norm = norms.as_ref().map_or(1.0, |norms| norms[row]);
                let codes = &codes[row * quantizer.parts..][..quantizer.parts];
                for (part, (&code, x)) in codes
                    .iter()
                    .zip(vector.chunks_mut(quantizer.width))
                    .enumerate()
                {
                    for (x, value) in x.iter_mut().zip(quantizer.centroid(part, code)) {
                        *x += norm * value;
                    }
                }
            }
        }
    }

    /// The scalar product of a row and a vector.
    pub(super) fn dot_row(&self, row: usize, vector: &[f32]) -> f32 {
        match &self.storage {
            Storage::Plain(values) => values[row * self.columns..][..self.columns]
                .iter()
                .zip(vector)
                .map(|(a, b)| a * b)
                .sum(),
            Storage::Quantized {
                codes,
                quantizer,
                norms,
            } => {
                let norm = norms.as_ref().map_or(1.0, |norms| norms[row]);
                let codes = &codes[row * quantizer.parts..][..quantizer.parts];
                let mut sum = 0.0;
                for (part, (&code, x)) in
                    codes.iter().zip(vector.chunks(quantizer.width)).enumerate()
                {
                    for (x, value) in x.iter().zip(quantizer.centroid(part, code)) {
                        sum += x * value;
                    }
                }
                sum * norm
            }
        }
    }
}

fn read_shape(reader: &mut Reader<impl Read>) -> Result<(usize, usize)> {
    // A row takes a byte at least, so a file cannot hold more rows than bytes.
    let rows = reader.size64("the number of rows", reader.left())?;
    let columns = reader.size64("the number of columns", 1 << 16)?;
    Ok((rows, columns))
}

/// A vector cut into parts, each replaced by the nearest of 256 centroids.
#[derive(Debug)]
struct ProductQuantizer {
    parts: usize,
    width: usize,
    last_width: usize,
    centroids: Vec<f32>,
}

impl ProductQuantizer {
    fn read(reader: &mut Reader<impl Read>, columns: usize) -> Result<Self> {
        let dim = reader.size32("the quantizer's dimension", 1..=1 << 16)?;
        let parts = reader.size32("the number of parts", 1..=1 << 16)?;
        let width = reader.size32("the width of a part", 1..=1 << 16)?;
        let last_width = reader.size32("the width of the last part", 1..=1 << 16)?;
        if dim != columns || (parts - 1) * width + last_width != dim || last_width > width {
            return Err(reader.refuse(format_args!(
                "{parts} parts of width {width}, the last of {last_width}, do not make up {columns} columns"
            )));
        }
        let centroids = reader.floats((dim * CENTROIDS) as u64)?;
        Ok(Self {
            parts,
            width,
            last_width,
            centroids,
        })
    }

    fn centroid(&self, part: usize, code: u8) -> &[f32] {
        let before = part * CENTROIDS * self.width;
        let width = if part + 1 == self.parts {
            self.last_width
        } else {
            self.width
        };
        &self.centroids[before + usize::from(code) * width..][..width]
    }
}
