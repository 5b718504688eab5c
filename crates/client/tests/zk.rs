//! The tokio shell against a server of three replies.

use base::{Reader, Str};
use bytes::Bytes;
use client::zk::{Notice, Op, Options, Reply, State, ZkClient, ZkError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zk_wire::{ConnectResponse, CreateResponse, Jute, ReplyHeader, RequestHeader, SessionId, Zxid};

async fn read_frame(stream: &mut TcpStream) -> Bytes {
    let length = stream.read_u32().await.expect("a length");
    let mut frame = vec![0; length as usize];
    stream.read_exact(&mut frame).await.expect("a frame");
    frame.into()
}

async fn write_frame(stream: &mut TcpStream, frame: &[u8]) {
    stream.write_all(&zk_wire::frame::with_length(frame)).await.expect("written");
}

/// Answers creates with success and anything else with NONODE, until the session is closed.
async fn serve(listener: TcpListener, connections: usize) {
    for left in (0..connections).rev() {
        let (mut stream, _) = listener.accept().await.expect("a client");
        read_frame(&mut stream).await;
        write_frame(&mut stream, &ConnectResponse::accepted(SessionId(7), 4000, Some(false)).to_bytes()).await;
        if left > 0 {
            // the connection is lost with the first request on it
            read_frame(&mut stream).await;
            continue;
        }
        loop {
            let header = RequestHeader::decode(&mut Reader::new(read_frame(&mut stream).await)).expect("a header");
            let reply = |err| ReplyHeader { xid: header.xid, zxid: Zxid(1), err };
            match header.opcode {
                1 => {
                    let body = CreateResponse { path: Str::from("/a") };
                    write_frame(&mut stream, &zk_wire::frame::join(&reply(0), &body)).await;
                }
                -11 => return write_frame(&mut stream, &reply(0).to_bytes()).await,
                _ => write_frame(&mut stream, &reply(ZkError::NO_NODE).to_bytes()).await,
            }
        }
    }
}

#[tokio::test]
async fn operations_end_in_order_and_the_session_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let connect = listener.local_addr().expect("bound").to_string();
    let server = tokio::spawn(serve(listener, 1));
    let (zk, mut notices) = ZkClient::connect_with_notices(&connect, Options::default()).expect("valid");
    let created = zk.request(Op::create("/a", None)).await;
    assert_eq!(created, Ok(Reply::Created { path: "/a".to_string(), stat: None }));
    assert_eq!(zk.exists("/b").await, Ok(None));
    zk.close().await;
    server.await.expect("served");
    let Some(Notice::State(State::Connected { session_id: 7, new: true, .. })) = notices.recv().await else {
        panic!("the first notice is the session")
    };
    assert_eq!(notices.recv().await, Some(Notice::State(State::Closed)));
    assert_eq!(notices.recv().await, None);
}

#[tokio::test]
async fn a_lost_connection_is_the_callers_affair_and_the_session_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let connect = listener.local_addr().expect("bound").to_string();
    let server = tokio::spawn(serve(listener, 2));
    let zk = ZkClient::connect(&connect, Options::default()).expect("valid");
    assert_eq!(zk.request(Op::create("/a", None)).await, Err(ZkError::ConnectionLoss));
    assert!(zk.request(Op::create("/a", None)).await.is_ok());
    zk.close().await;
    server.await.expect("served");
}

#[tokio::test]
async fn a_connection_string_is_checked_at_once() {
    assert!(ZkClient::connect("host:port", Options::default()).is_err());
}
