//! How a snapshot's bytes become a file's: as they are, as gzip, or as a snappy stream
//! (`snapshot.compression.method`). The checksums of a snapshot are of the bytes before compression.

use std::io::{self, Write};

use flate2::write::GzEncoder;

use super::names::Compression;
use super::snappy;

/// Compresses a stream.
pub enum Encoder {
    /// Nothing is done.
    None,
    /// One gzip member.
    Gzip(Box<GzEncoder<Vec<u8>>>),
    /// Blocks of snappy.
    Snappy(Box<snappy::Encoder>),
}

impl Encoder {
    /// An encoder at the beginning of a file.
    pub fn new(method: Compression) -> Self {
        match method {
            Compression::None => Self::None,
            // Java's stream, which upstream uses, has the same level.
            Compression::Gzip => Self::Gzip(Box::new(GzEncoder::new(Vec::new(), flate2::Compression::default()))),
            Compression::Snappy => Self::Snappy(Box::default()),
        }
    }

    /// Takes the next bytes and calls `put` with what now goes into the file, if there is any.
    ///
    /// # Errors
    /// What `put` reports.
    pub fn write(&mut self, bytes: &[u8], put: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::None => put(bytes),
            Self::Gzip(gzip) => {
                gzip.write_all(bytes)?;
                put_all(gzip.get_mut(), put)
            }
            Self::Snappy(encoder) => {
                encoder.write(bytes)?;
                put_all(encoder.output(), put)
            }
        }
    }

    /// Calls `put` with the end of the file.
    ///
    /// # Errors
    /// What `put` reports.
    pub fn finish(self, put: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Gzip(gzip) => put(&gzip.finish()?),
            Self::Snappy(mut encoder) => {
                encoder.finish()?;
                put_all(encoder.output(), put)
            }
        }
    }
}

fn put_all(output: &mut Vec<u8>, put: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    if !output.is_empty() {
        put(output)?;
        output.clear();
    }
    Ok(())
}
