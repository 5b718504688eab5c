//! The codecs of batches. Decompression stops at a limit, so that a small batch cannot fill the memory.

use std::io::{Read, Write as _};

use bytes::Bytes;
use twox_hash::XxHash32;

use super::RecordError;

/// How the records of a batch are compressed: bits 0 to 2 of its attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// A gzip member.
    Gzip,
    /// Raw snappy blocks, with or without the framing of the `snappy-java` library.
    Snappy,
    /// An LZ4 frame.
    Lz4,
    /// A Zstandard frame; needs Produce 7 and Fetch 10.
    Zstd,
}

impl Compression {
    /// All of them, by number.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec with this number.
    ///
    /// # Errors
    /// [`RecordError::UnknownCompression`].
    pub fn from_bits(bits: u8) -> Result<Self, RecordError> {
        Self::ALL.get(usize::from(bits)).copied().ok_or(RecordError::UnknownCompression(bits))
    }

    /// Its number.
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// Its name in configuration (`compression.type`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The codec with this name; `uncompressed` is another name for none.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "uncompressed" {
            return Some(Self::None);
        }
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }
}

/// Opens the framing of `snappy-java`: magic, then version and lowest readable version, both 1.
const XERIAL_HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
/// Uncompressed bytes per block of that framing.
const XERIAL_BLOCK_BYTES: usize = 32 * 1024;
/// Snappy's longest copy makes 64 bytes of 3, so no block of n bytes decompresses to more than 22 n.
const SNAPPY_RATIO_MAX: usize = 22;

/// Decompresses to at most `limit` bytes.
///
/// # Errors
/// [`RecordError::TooLarge`] past the limit; [`RecordError::Compression`] when the codec cannot read the bytes.
pub fn decompress(codec: Compression, bytes: &[u8], limit: usize) -> Result<Vec<u8>, RecordError> {
    match codec {
        Compression::None if bytes.len() > limit => Err(RecordError::TooLarge { limit }),
        Compression::None => Ok(bytes.to_vec()),
        Compression::Gzip => read_limited(flate2::read::MultiGzDecoder::new(bytes), limit, codec),
        Compression::Snappy => decompress_snappy(bytes, limit),
        Compression::Lz4 => read_limited(lz4_flex::frame::FrameDecoder::new(bytes), limit, codec),
        Compression::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(bytes);
            read_limited(decoder.map_err(|_| RecordError::Compression(codec.name()))?, limit, codec)
        }
    }
}

/// An LZ4 frame with the checksum of its header made right. Producers of format 0 sum its magic number too
/// (`KafkaLZ4BlockOutputStream`), and the frames of those were never changed.
pub fn mended_lz4(frame: &Bytes) -> Bytes {
    const DESCRIPTOR_AT: usize = 4;
    const HAS_SIZE: u8 = 1 << 3;
    const HAS_DICTIONARY: u8 = 1;
    let Some(flags) = frame.get(DESCRIPTOR_AT) else { return frame.clone() };
    let size_bytes = if flags & HAS_SIZE == 0 { 0 } else { 8 };
    let dictionary_bytes = if flags & HAS_DICTIONARY == 0 { 0 } else { 4 };
    let end = DESCRIPTOR_AT + 2 + size_bytes + dictionary_bytes;
    if frame.len() <= end {
        return frame.clone();
    }
    let mut mended = frame.to_vec();
    mended[end] = (XxHash32::oneshot(0, &frame[DESCRIPTOR_AT..end]) >> 8) as u8;
    mended.into()
}

fn read_limited(reader: impl Read, limit: usize, codec: Compression) -> Result<Vec<u8>, RecordError> {
    let mut out = Vec::new();
    let mut reader = reader.take((limit as u64).saturating_add(1));
    reader.read_to_end(&mut out).map_err(|_| RecordError::Compression(codec.name()))?;
    if out.len() > limit { Err(RecordError::TooLarge { limit }) } else { Ok(out) }
}

/// With the framing: header, then blocks behind i32 lengths. Without it (librdkafka): one block.
fn decompress_snappy(bytes: &[u8], limit: usize) -> Result<Vec<u8>, RecordError> {
    let mut out = Vec::new();
    if !bytes.starts_with(&XERIAL_HEADER[..8]) {
        snappy_block(bytes, limit, &mut out)?;
        return Ok(out);
    }
    let mut rest = bytes.get(XERIAL_HEADER.len()..).ok_or(RecordError::Compression("snappy"))?;
    while !rest.is_empty() {
        let (length, tail) = rest.split_first_chunk::<4>().ok_or(RecordError::Compression("snappy"))?;
        let length = u32::from_be_bytes(*length) as usize;
        let block = tail.get(..length).ok_or(RecordError::Compression("snappy"))?;
        snappy_block(block, limit, &mut out)?;
        rest = &tail[length..];
    }
    Ok(out)
}

/// Appends one block to `out`.
fn snappy_block(block: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), RecordError> {
    let wrong = |_| RecordError::Compression("snappy");
    let length = snap::raw::decompress_len(block).map_err(wrong)?;
    if length > limit.saturating_sub(out.len()) {
        return Err(RecordError::TooLarge { limit });
    }
    if length > block.len().saturating_mul(SNAPPY_RATIO_MAX) {
        return Err(RecordError::Compression("snappy"));
    }
    let start = out.len();
    out.resize(start + length, 0);
    let written = snap::raw::Decoder::new().decompress(block, &mut out[start..]).map_err(wrong)?;
    out.truncate(start + written);
    Ok(())
}

/// Compresses at the codec's default level, in the form that Java clients write.
///
/// # Panics
/// Never on any input: the codecs fail only when their output cannot be written, and it is memory.
pub fn compress(codec: Compression, bytes: &[u8]) -> Vec<u8> {
    compress_at(codec, None, bytes)
}

/// As [`compress`], at a level of gzip (0 to 9) or zstd (up to 22, and below 0 for more speed); one outside of what the codec
/// has counts as the nearest. Snappy and LZ4 have one level here.
///
/// # Panics
/// As [`compress`].
pub fn compress_at(codec: Compression, level: Option<i32>, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let level = level.map_or_else(flate2::Compression::default, |level| {
                flate2::Compression::new(level.clamp(0, 9).unsigned_abs())
            });
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory")
        }
        Compression::Snappy => compress_snappy(bytes),
        Compression::Lz4 => {
            let info = lz4_flex::frame::FrameInfo::new()
                .block_size(lz4_flex::frame::BlockSize::Max64KB)
                .block_mode(lz4_flex::frame::BlockMode::Independent);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(bytes).expect("writing to memory");
            encoder.finish().expect("writing to memory")
        }
        Compression::Zstd => {
            let levels = zstd::compression_level_range();
            let level = level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL).clamp(*levels.start(), *levels.end());
            zstd::stream::encode_all(bytes, level).expect("writing to memory")
        }
    }
}

fn compress_snappy(bytes: &[u8]) -> Vec<u8> {
    let mut out = XERIAL_HEADER.to_vec();
    let mut encoder = snap::raw::Encoder::new();
    for block in bytes.chunks(XERIAL_BLOCK_BYTES) {
        let compressed = encoder.compress_vec(block).expect("a block is far below snappy's 4 GiB");
        out.extend_from_slice(&(compressed.len() as u32).to_be_bytes());
        out.extend_from_slice(&compressed);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_an_old_lz4_frame_is_mended() {
        let good = compress(Compression::Lz4, b"values and values");
        let mut old = good.clone();
        old[6] ^= 0x5a;
        assert!(decompress(Compression::Lz4, &old, 100).is_err());
        assert_eq!(mended_lz4(&old.into()), good);
        for short in 0..7 {
            let cut = Bytes::copy_from_slice(&good[..short]);
            assert_eq!(mended_lz4(&cut), cut);
        }
    }

    fn text(len: usize) -> Vec<u8> {
        (0..len).map(|i| b"the quick brown fox "[i % 20].wrapping_add((i / 997) as u8)).collect()
    }

    /// Words in no order, so that it takes effort to find what repeats.
    fn words(len: usize) -> Vec<u8> {
        const WORDS: [&str; 16] = [
            "the ", "quick ", "brown ", "fox ", "jumps ", "over ", "a ", "lazy ", "dog ", "and ", "sleeps ", "again ",
            "under ", "some ", "old ", "tree ",
        ];
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some(WORDS[(state >> 28) as usize])
        };
        core::iter::from_fn(next).flat_map(str::bytes).take(len).collect()
    }

    #[test]
    fn a_higher_level_packs_tighter_and_any_level_comes_back() {
        let text = words(100_000);
        for codec in [Compression::Gzip, Compression::Zstd] {
            let size = |level| {
                let packed = compress_at(codec, level, &text);
                assert_eq!(decompress(codec, &packed, text.len()).unwrap(), text, "{codec:?} {level:?}");
                packed.len()
            };
            assert!(size(Some(9)) < size(Some(1)), "{codec:?}");
            assert_eq!(size(None), compress(codec, &text).len());
            assert!(size(Some(i32::MIN)) > 0 && size(Some(i32::MAX)) > 0);
        }
    }

    #[test]
    fn every_codec_there_and_back_at_the_limit_and_one_past() {
        for codec in Compression::ALL {
            for len in [0, 1, 100, 32 * 1024, 200_000] {
                let plain = text(len);
                let packed = compress(codec, &plain);
                assert_eq!(decompress(codec, &packed, len).as_ref(), Ok(&plain), "{codec:?} {len}");
                if len > 0 {
                    assert_eq!(decompress(codec, &packed, len - 1), Err(RecordError::TooLarge { limit: len - 1 }));
                }
            }
        }
    }

    #[test]
    fn snappy_without_framing_is_read() {
        let plain = text(100_000);
        let packed = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
        assert_eq!(decompress(Compression::Snappy, &packed, 100_000).as_ref(), Ok(&plain));
        assert_eq!(decompress(Compression::Snappy, &packed, 99_999), Err(RecordError::TooLarge { limit: 99_999 }));
    }

    #[test]
    fn a_length_in_a_snappy_block_allocates_nothing_that_the_block_cannot_hold() {
        // States 1 GiB, holds four bytes.
        let block = [0x80, 0x80, 0x80, 0x80, 0x04, 0, 0, 0, 0];
        assert_eq!(decompress(Compression::Snappy, &block, 1 << 31), Err(RecordError::Compression("snappy")));
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let zeros = vec![0; 8 << 20];
        for codec in &Compression::ALL[1..] {
            let packed = compress(*codec, &zeros);
            assert!(packed.len() < zeros.len() / 15, "{codec:?}");
            assert_eq!(decompress(*codec, &packed, 65536), Err(RecordError::TooLarge { limit: 65536 }), "{codec:?}");
        }
    }

    #[test]
    fn broken_and_cut_input_is_an_error() {
        for codec in &Compression::ALL[1..] {
            let packed = compress(*codec, &text(5000));
            let cut = decompress(*codec, &packed[..packed.len() - 5], 1 << 20);
            assert!(matches!(cut, Err(RecordError::Compression(_))), "{codec:?} {cut:?}");
            assert!(matches!(decompress(*codec, b"nonsense!", 1 << 20), Err(RecordError::Compression(_))), "{codec:?}");
        }
    }

    #[test]
    fn names_and_numbers() {
        for codec in Compression::ALL {
            assert_eq!(Compression::from_bits(codec.bits()), Ok(codec));
            assert_eq!(Compression::from_name(codec.name()), Some(codec));
        }
        assert_eq!(Compression::from_bits(5), Err(RecordError::UnknownCompression(5)));
        assert_eq!(Compression::from_name("uncompressed"), Some(Compression::None));
    }
}
