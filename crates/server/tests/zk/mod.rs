//! A raw client for the keeper's tests: frames in, frames out, nothing clever.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base::Reader;
use bytes::Bytes;
use server::zk::{ZkServerConfig, ZkServerHandle};
use zk_wire::frame::with_length;
use zk_wire::{
    Acl, ConnectRequest, ConnectResponse, CreateRequest, DeleteRequest, GetDataRequest, GetDataResponse, Id, Jute,
    OpCode, ReplyHeader, RequestHeader, SetDataRequest,
};

/// A keeper in `dir` on a free port.
pub async fn start(dir: &std::path::Path) -> ZkServerHandle {
    server::zk::start(ZkServerConfig::embedded(dir, 0)).await.expect("the keeper starts")
}

/// A client with a session.
pub struct Client {
    pub socket: TcpStream,
    pub session: ConnectResponse,
    xid: i32,
}

/// A frame without its length; `None` when the connection ended.
pub fn read_frame(socket: &mut TcpStream) -> Option<Bytes> {
    let mut len = [0; 4];
    socket.read_exact(&mut len).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(len) as usize];
    socket.read_exact(&mut frame).ok()?;
    Some(frame.into())
}

pub fn connect(addr: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(addr).expect("the keeper listens");
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket
}

impl Client {
    pub fn new(addr: SocketAddr) -> Self {
        Self::resume(
            addr,
            &ConnectRequest {
                timeout_ms: 30_000,
                passwd: Bytes::from_static(&[0; 16]).into(),
                read_only: Some(false),
                ..ConnectRequest::default()
            },
        )
    }

    pub fn resume(addr: SocketAddr, request: &ConnectRequest) -> Self {
        let mut socket = connect(addr);
        socket.write_all(&with_length(&request.to_bytes())).unwrap();
        let frame = read_frame(&mut socket).expect("a connect response");
        Self { socket, session: ConnectResponse::from_bytes(frame).unwrap(), xid: 0 }
    }

    /// Sends without waiting.
    pub fn send(&mut self, op: OpCode, body: &[u8]) -> i32 {
        self.xid += 1;
        let mut frame = RequestHeader { xid: self.xid, opcode: op.0 }.to_bytes().to_vec();
        frame.extend_from_slice(body);
        self.socket.write_all(&with_length(&frame)).unwrap();
        self.xid
    }

    pub fn receive(&mut self) -> (ReplyHeader, Reader) {
        let mut reader = Reader::new(read_frame(&mut self.socket).expect("a reply"));
        (ReplyHeader::decode(&mut reader).unwrap(), reader)
    }

    pub fn call(&mut self, op: OpCode, body: &[u8]) -> (ReplyHeader, Reader) {
        let xid = self.send(op, body);
        let (header, reader) = self.receive();
        assert_eq!(header.xid, xid);
        (header, reader)
    }

    /// The error code.
    pub fn create(&mut self, path: &str, data: &[u8], flags: i32) -> i32 {
        self.call(OpCode::CREATE, &create(path, data, flags)).0.err
    }

    /// The error code; `None` when the connection ends first.
    pub fn try_create(&mut self, path: &str) -> Option<i32> {
        self.xid += 1;
        let mut frame = RequestHeader { xid: self.xid, opcode: OpCode::CREATE.0 }.to_bytes().to_vec();
        frame.extend_from_slice(&create(path, b"", 0));
        self.socket.write_all(&with_length(&frame)).ok()?;
        let header = ReplyHeader::decode(&mut Reader::new(read_frame(&mut self.socket)?));
        Some(header.expect("a reply's header").err)
    }

    pub fn set(&mut self, path: &str, data: &[u8]) -> i32 {
        let request = SetDataRequest { path: path.into(), data: Some(Bytes::copy_from_slice(data)), version: -1 };
        self.call(OpCode::SET_DATA, &request.to_bytes()).0.err
    }

    pub fn delete(&mut self, path: &str, version: i32) -> i32 {
        self.call(OpCode::DELETE, &DeleteRequest { path: path.into(), version }.to_bytes()).0.err
    }

    pub fn get(&mut self, path: &str) -> Result<Bytes, i32> {
        let (header, mut body) =
            self.call(OpCode::GET_DATA, &GetDataRequest { path: path.into(), watch: false }.to_bytes());
        match header.err {
            0 => Ok(GetDataResponse::decode(&mut body).unwrap().data.unwrap_or_default()),
            err => Err(err),
        }
    }
}

pub fn create(path: &str, data: &[u8], flags: i32) -> Bytes {
    let open = Acl { perms: 31, id: Id { scheme: "world".into(), id: "anyone".into() } };
    let data = Some(Bytes::copy_from_slice(data));
    CreateRequest { path: path.into(), data, acl: Some(vec![open]), flags }.to_bytes()
}

/// Sends four letters and reads to the end.
pub fn word(addr: SocketAddr, word: &str) -> String {
    let mut socket = connect(addr);
    socket.write_all(word.as_bytes()).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).expect("text and an end");
    text
}
