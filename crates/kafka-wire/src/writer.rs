//! Where messages are written: bytes, and cuts at which record payloads go in without being copied.

use base::Str;
use bytes::{BufMut, Bytes, BytesMut};

use crate::payload::Segment;
use crate::primitive::Uuid;

/// A byte string of at least this many bytes becomes a segment of its own when a frame is made of segments; copying less
/// is cheaper than one more entry in a vectored write.
const OWN_SEGMENT_BYTES: usize = 1024;

/// Takes the fields of a message in wire order.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: BytesMut,
    /// Payloads that belong between the bytes: the position in `bytes` and what goes in there.
    cuts: Vec<(usize, Segment)>,
    /// The sum of the cuts' lengths.
    cut_bytes: usize,
}

impl Writer {
    /// A writer that appends to these bytes.
    pub fn over(bytes: BytesMut) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Bytes written so far, payloads included.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.cut_bytes
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes.
    ///
    /// # Panics
    /// When a payload from elsewhere has been written: such a message must go out as segments.
    pub fn into_bytes(self) -> BytesMut {
        if self.cuts.is_empty() {
            return self.bytes;
        }
        let mut out = BytesMut::with_capacity(self.len());
        for segment in self.into_segments() {
            match segment {
                Segment::Bytes(bytes) => out.put(bytes),
                Segment::Slot { slot, .. } => panic!("payload slot {slot} in a message encoded to plain bytes"),
            }
        }
        out
    }

    /// The bytes and payloads in wire order, nothing copied.
    pub fn into_segments(self) -> Vec<Segment> {
        let mut rest = self.bytes.freeze();
        let mut segments = Vec::with_capacity(2 * self.cuts.len() + 1);
        let mut taken = 0;
        for (at, payload) in self.cuts {
            if at > taken {
                segments.push(Segment::Bytes(rest.split_to(at - taken)));
                taken = at;
            }
            segments.push(payload);
        }
        if !rest.is_empty() {
            segments.push(Segment::Bytes(rest));
        }
        segments
    }

    /// Overwrites four bytes that were written before, such as a frame's length.
    pub fn patch_i32(&mut self, at: usize, value: i32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn payload(&mut self, payload: Segment) {
        let len = payload.len();
        match payload {
            Segment::Bytes(bytes) if len < OWN_SEGMENT_BYTES => self.bytes.put(bytes),
            payload => {
                self.cuts.push((self.bytes.len(), payload));
                self.cut_bytes += len;
            }
        }
    }

    /// One byte.
    pub fn i8(&mut self, x: i8) {
        self.bytes.put_i8(x);
    }

    /// One byte, 0 or 1.
    pub fn bool(&mut self, x: bool) {
        self.bytes.put_u8(u8::from(x));
    }

    /// 16 bits.
    pub fn i16(&mut self, x: i16) {
        self.bytes.put_i16(x);
    }

    /// 16 bits, unsigned.
    pub fn u16(&mut self, x: u16) {
        self.bytes.put_u16(x);
    }

    /// 32 bits.
    pub fn i32(&mut self, x: i32) {
        self.bytes.put_i32(x);
    }

    /// 64 bits.
    pub fn i64(&mut self, x: i64) {
        self.bytes.put_i64(x);
    }

    /// An IEEE 754 double.
    pub fn f64(&mut self, x: f64) {
        self.bytes.put_f64(x);
    }

    /// 16 bytes.
    pub fn uuid(&mut self, x: Uuid) {
        self.bytes.put_slice(&x.0);
    }

    /// 7 bits per byte, low bits first.
    pub fn uvarint(&mut self, mut x: u32) {
        while x >= 0x80 {
            self.bytes.put_u8(x as u8 | 0x80);
            x >>= 7;
        }
        self.bytes.put_u8(x as u8);
    }

    /// The length of a string (`narrow`), byte string or array; `None` is null.
    pub(crate) fn length(&mut self, n: Option<usize>, flex: bool, narrow: bool) {
        match (n, flex, narrow) {
            (Some(n), true, _) => self.uvarint(u32::try_from(n + 1).expect("a message is shorter than 2 GiB")),
            (None, true, _) => self.uvarint(0),
            (Some(n), false, true) => self.i16(i16::try_from(n).expect("a string in a message is at most 32767 bytes")),
            (None, false, true) => self.i16(-1),
            (Some(n), false, false) => self.i32(i32::try_from(n).expect("a message is shorter than 2 GiB")),
            (None, false, false) => self.i32(-1),
        }
    }

    /// A string.
    pub fn str(&mut self, x: &Str, flex: bool) {
        // Strings end at 32767 bytes: what is longer (an error text, say) is cut rather than ending the process.
        let mut end = x.len();
        if end > i16::MAX as usize {
            end = i16::MAX as usize;
            while !x.is_char_boundary(end) {
                end -= 1;
            }
        }
        self.length(Some(end), flex, true);
        self.bytes.put_slice(&x.as_bytes()[..end]);
    }

    /// A string or null; where null is not allowed, the empty string.
    pub fn opt_str(&mut self, x: &Option<Str>, flex: bool, nullable: bool) {
        match x {
            Some(x) => self.str(x, flex),
            None if nullable => self.length(None, flex, true),
            None => self.length(Some(0), flex, true),
        }
    }

    /// Bytes.
    pub fn bytes(&mut self, x: &Bytes, flex: bool) {
        self.length(Some(x.len()), flex, false);
        self.payload(Segment::Bytes(x.clone()));
    }

    /// Bytes or null; where null is not allowed, no bytes.
    pub fn opt_bytes(&mut self, x: &Option<Bytes>, flex: bool, nullable: bool) {
        match x {
            Some(x) => self.bytes(x, flex),
            None if nullable => self.length(None, flex, false),
            None => self.length(Some(0), flex, false),
        }
    }

    /// An array.
    pub fn array<T>(&mut self, items: &[T], flex: bool, v: i16, write: fn(&T, &mut Self, i16)) {
        self.length(Some(items.len()), flex, false);
        for item in items {
            write(item, self, v);
        }
    }

    /// An array or null; where null is not allowed, an empty array.
    pub fn opt_array<T>(
        &mut self,
        items: &Option<Vec<T>>,
        flex: bool,
        nullable: bool,
        v: i16,
        write: fn(&T, &mut Self, i16),
    ) {
        match items {
            Some(items) => self.array(items, flex, v, write),
            None if nullable => self.length(None, flex, false),
            None => self.length(Some(0), flex, false),
        }
    }

    /// An array of strings.
    pub fn strs(&mut self, items: &[Str], flex: bool) {
        self.length(Some(items.len()), flex, false);
        for item in items {
            self.str(item, flex);
        }
    }

    /// An array of strings or null; where null is not allowed, an empty array.
    pub fn opt_strs(&mut self, items: &Option<Vec<Str>>, flex: bool, nullable: bool) {
        match items {
            Some(items) => self.strs(items, flex),
            None if nullable => self.length(None, flex, false),
            None => self.length(Some(0), flex, false),
        }
    }

    /// A struct behind the byte 1, or the byte -1 for null.
    pub fn opt_struct<T>(&mut self, x: &Option<T>, v: i16, write: fn(&T, &mut Self, i16)) {
        match x {
            Some(x) => {
                self.i8(1);
                write(x, self, v);
            }
            None => self.i8(-1),
        }
    }

    /// A tag section without fields.
    pub fn no_tags(&mut self) {
        self.bytes.put_u8(0);
    }

    /// A tag section.
    pub(crate) fn tags(&mut self, tags: Tags) {
        self.uvarint(tags.count);
        self.bytes.put(tags.fields.into_bytes());
    }
}

/// The tagged fields of one struct, collected in ascending order of their tags because their count comes first.
#[derive(Default)]
pub(crate) struct Tags {
    count: u32,
    fields: Writer,
}

impl Tags {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn put(&mut self, tag: u32, write: &mut dyn FnMut(&mut Writer)) {
        let mut field = Writer::default();
        write(&mut field);
        self.count += 1;
        self.fields.uvarint(tag);
        self.fields.uvarint(u32::try_from(field.len()).expect("a message is shorter than 2 GiB"));
        self.fields.bytes.put(field.into_bytes());
    }
}
