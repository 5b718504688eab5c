//! multi (14) and multiRead (22): records one after the other, each behind a [`MultiHeader`], ended by a header that is
//! done (upstream: `MultiOperationRecord`, `MultiResponse`).

use base::{DecodeError, Reader, Str};
use bytes::{Bytes, BytesMut};

use crate::error::ErrorCode;
use crate::generated::{
    CheckVersionRequest, Create2Response, CreateRequest, CreateResponse, CreateTtlRequest, DeleteRequest,
    ErrorResponse, GetChildrenRequest, GetChildrenResponse, GetDataRequest, GetDataResponse, MultiHeader,
    SetDataRequest, SetDataResponse, Stat,
};
use crate::jute::Jute;
use crate::opcode::OpCode;

/// The most parts that a multi may have: each takes at least a header and a path, so a frame bounds it further.
pub const MULTI_OPS_MAX: usize = 1 << 20;

/// A part of a multi or multiRead request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultiOp {
    /// create (1).
    Create(CreateRequest),
    /// create2 (15).
    Create2(CreateRequest),
    /// createContainer (19).
    CreateContainer(CreateRequest),
    /// createTTL (21).
    CreateTtl(CreateTtlRequest),
    /// delete (2).
    Delete(DeleteRequest),
    /// setData (5).
    SetData(SetDataRequest),
    /// check (13).
    Check(CheckVersionRequest),
    /// getChildren (8), in a multiRead.
    GetChildren(GetChildrenRequest),
    /// getData (4), in a multiRead.
    GetData(GetDataRequest),
}

impl MultiOp {
    /// The number on the wire.
    pub const fn opcode(&self) -> OpCode {
        match self {
            Self::Create(_) => OpCode::CREATE,
            Self::Create2(_) => OpCode::CREATE2,
            Self::CreateContainer(_) => OpCode::CREATE_CONTAINER,
            Self::CreateTtl(_) => OpCode::CREATE_TTL,
            Self::Delete(_) => OpCode::DELETE,
            Self::SetData(_) => OpCode::SET_DATA,
            Self::Check(_) => OpCode::CHECK,
            Self::GetChildren(_) => OpCode::GET_CHILDREN,
            Self::GetData(_) => OpCode::GET_DATA,
        }
    }

    /// Whether it belongs into a multiRead rather than a multi.
    pub const fn is_read(&self) -> bool {
        matches!(self, Self::GetChildren(_) | Self::GetData(_))
    }

    fn decode(opcode: OpCode, r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(match opcode {
            OpCode::CREATE => Self::Create(Jute::decode(r)?),
            OpCode::CREATE2 => Self::Create2(Jute::decode(r)?),
            OpCode::CREATE_CONTAINER => Self::CreateContainer(Jute::decode(r)?),
            OpCode::CREATE_TTL => Self::CreateTtl(Jute::decode(r)?),
            OpCode::DELETE => Self::Delete(Jute::decode(r)?),
            OpCode::SET_DATA => Self::SetData(Jute::decode(r)?),
            OpCode::CHECK => Self::Check(Jute::decode(r)?),
            OpCode::GET_CHILDREN => Self::GetChildren(Jute::decode(r)?),
            OpCode::GET_DATA => Self::GetData(Jute::decode(r)?),
            _ => return Err(DecodeError::Invalid("operation in a multi")),
        })
    }

    fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Create(record) | Self::Create2(record) | Self::CreateContainer(record) => record.encode(out),
            Self::CreateTtl(record) => record.encode(out),
            Self::Delete(record) => record.encode(out),
            Self::SetData(record) => record.encode(out),
            Self::Check(record) => record.encode(out),
            Self::GetChildren(record) => record.encode(out),
            Self::GetData(record) => record.encode(out),
        }
    }
}

/// A multi or multiRead request's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiRequest {
    /// In order; all reads or all writes.
    pub ops: Vec<MultiOp>,
}

impl Jute for MultiRequest {
    const SMALLEST_BYTES: usize = MultiHeader::SMALLEST_BYTES;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        let mut ops: Vec<MultiOp> = Vec::new();
        loop {
            let header = MultiHeader::decode(r)?;
            if header.done {
                return Ok(Self { ops });
            }
            // A part is at least 17 bytes on the wire and under ten times that in memory; a budget of four times the
            // frame would refuse honest multis of many deletions.
            let op = MultiOp::decode(OpCode(header.opcode), r)?;
            if ops.first().is_some_and(|first| first.is_read() != op.is_read()) {
                return Err(DecodeError::Invalid("mix of reads and writes in a multi"));
            }
            if ops.len() == MULTI_OPS_MAX {
                return Err(DecodeError::Unreasonable { what: "parts of a multi", value: MULTI_OPS_MAX as i64 });
            }
            ops.push(op);
        }
    }

    fn encode(&self, out: &mut BytesMut) {
        for op in &self.ops {
            MultiHeader { opcode: op.opcode().0, done: false, err: -1 }.encode(out);
            op.encode(out);
        }
        END.encode(out);
    }
}

const END: MultiHeader = MultiHeader { opcode: -1, done: true, err: -1 };

/// The result of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultiResult {
    /// Of create.
    Create {
        /// With the suffix when sequential.
        path: Str,
    },
    /// Of create2, createContainer and createTTL.
    Create2 {
        /// With the suffix when sequential.
        path: Str,
        /// Of the new node.
        stat: Stat,
    },
    /// Of delete.
    Delete,
    /// Of setData.
    SetData(Stat),
    /// Of check.
    Check,
    /// Of getChildren.
    GetChildren(Option<Vec<Str>>),
    /// Of getData.
    GetData {
        /// Content.
        data: Option<Bytes>,
        /// Of the node.
        stat: Stat,
    },
    /// Of a part that failed, or that shares the fate of one that did.
    Error(ErrorCode),
}

impl MultiResult {
    const fn opcode(&self) -> OpCode {
        match self {
            Self::Create { .. } => OpCode::CREATE,
            Self::Create2 { .. } => OpCode::CREATE2,
            Self::Delete => OpCode::DELETE,
            Self::SetData(_) => OpCode::SET_DATA,
            Self::Check => OpCode::CHECK,
            Self::GetChildren(_) => OpCode::GET_CHILDREN,
            Self::GetData { .. } => OpCode::GET_DATA,
            Self::Error(_) => OpCode::ERROR,
        }
    }

    fn decode(opcode: OpCode, r: &mut Reader) -> Result<Self, DecodeError> {
        Ok(match opcode {
            OpCode::CREATE => Self::Create { path: CreateResponse::decode(r)?.path },
            OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL => {
                let Create2Response { path, stat } = Jute::decode(r)?;
                Self::Create2 { path, stat }
            }
            OpCode::DELETE => Self::Delete,
            OpCode::SET_DATA => Self::SetData(SetDataResponse::decode(r)?.stat),
            OpCode::CHECK => Self::Check,
            OpCode::GET_CHILDREN => Self::GetChildren(GetChildrenResponse::decode(r)?.children),
            OpCode::GET_DATA => {
                let GetDataResponse { data, stat } = Jute::decode(r)?;
                Self::GetData { data, stat }
            }
            OpCode::ERROR => Self::Error(ErrorCode(ErrorResponse::decode(r)?.err)),
            _ => return Err(DecodeError::Invalid("result in a multi")),
        })
    }

    fn encode(&self, out: &mut BytesMut) {
        let err = if let Self::Error(code) = self { code.0 } else { 0 };
        MultiHeader { opcode: self.opcode().0, done: false, err }.encode(out);
        match self {
            Self::Create { path } => path.encode(out),
            Self::Create2 { path, stat } => {
                path.encode(out);
                stat.encode(out);
            }
            Self::Delete | Self::Check => {}
            Self::SetData(stat) => stat.encode(out),
            Self::GetChildren(children) => children.encode(out),
            Self::GetData { data, stat } => {
                data.encode(out);
                stat.encode(out);
            }
            Self::Error(code) => code.0.encode(out),
        }
    }
}

/// A multi or multiRead response's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiResponse {
    /// One per part of the request.
    pub results: Vec<MultiResult>,
}

impl Jute for MultiResponse {
    const SMALLEST_BYTES: usize = MultiHeader::SMALLEST_BYTES;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        let mut results = Vec::new();
        loop {
            let header = MultiHeader::decode(r)?;
            if header.done {
                return Ok(Self { results });
            }
            // A result may be nine bytes on the wire and a hundred in memory; the reader's budget would refuse honest
            // answers to long multis, and the frame bounds the count.
            results.push(MultiResult::decode(OpCode(header.opcode), r)?);
        }
    }

    fn encode(&self, out: &mut BytesMut) {
        for result in &self.results {
            result.encode(out);
        }
        END.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_responses_round_trip() {
        let request = MultiRequest {
            ops: vec![
                MultiOp::Create(CreateRequest { path: "/a".into(), ..CreateRequest::default() }),
                MultiOp::Check(CheckVersionRequest { path: "/".into(), version: 3 }),
                MultiOp::Delete(DeleteRequest { path: "/b".into(), version: -1 }),
            ],
        };
        assert_eq!(MultiRequest::from_bytes(request.to_bytes()), Ok(request));
        let response = MultiResponse {
            results: vec![
                MultiResult::Create { path: "/a".into() },
                MultiResult::Delete,
                MultiResult::SetData(Stat { version: 7, ..Stat::default() }),
                MultiResult::Error(ErrorCode::NO_NODE),
            ],
        };
        assert_eq!(MultiResponse::from_bytes(response.to_bytes()), Ok(response));
    }

    #[test]
    fn an_empty_multi_is_its_end() {
        let bytes = MultiRequest::default().to_bytes();
        assert_eq!(&bytes[..], [255, 255, 255, 255, 1, 255, 255, 255, 255]);
    }

    #[test]
    fn reads_and_writes_do_not_mix() {
        let read = MultiOp::GetData(GetDataRequest { path: "/a".into(), watch: false });
        let write = MultiOp::Delete(DeleteRequest { path: "/a".into(), version: -1 });
        let bytes = MultiRequest { ops: vec![read, write] }.to_bytes();
        assert!(MultiRequest::from_bytes(bytes).is_err());
    }
}
