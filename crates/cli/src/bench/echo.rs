//! `castlekeep bench echo`: the floor under a keeper's figures. It speaks just enough of ZooKeeper's protocol for
//! `castlekeep bench zookeeper`, and answers every request with bytes of the size that a keeper's answer has: no tree,
//! no session, no log. What it costs is the price of sockets and of the runtime, the same that the server uses.

use anyhow::Context;
use bytes::{Buf, BufMut, BytesMut};
use clap::Args as ClapArgs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use zk_wire::{ConnectResponse, Jute, OpCode, ReplyHeader, SessionId, Zxid};

/// Flags of `castlekeep bench echo`.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep bench echo --listen 127.0.0.1:12181                     what sockets alone cost\n  \
    castlekeep bench echo --listen 127.0.0.1:12181 --size 1024\n\n\
    Then castlekeep bench zookeeper --server 127.0.0.1:12181 measures it.")]
pub struct Args {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    listen: String,
    /// Bytes of data in each answer to a read
    #[arg(long, default_value_t = 100, value_name = "BYTES")]
    size: usize,
}

/// A stat on the wire.
const STAT_BYTES: usize = 68;
/// The most bytes of a request that are waited for.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Serves until it is ended.
///
/// # Errors
/// When the address cannot be bound.
pub fn main(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    runtime.block_on(async move {
        let listener =
            TcpListener::bind(&args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await.context("cannot accept a connection")?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream, args.size));
        }
    })
}

async fn serve(mut stream: TcpStream, size: usize) -> std::io::Result<()> {
    let (mut input, mut out) = (BytesMut::with_capacity(16 << 10), BytesMut::with_capacity(16 << 10));
    let read_answer = 4 + size + STAT_BYTES;
    let mut connected = false;
    while stream.read_buf(&mut input).await? > 0 {
        while let Some(frame) = next(&input) {
            if connected {
                answer(frame, read_answer, &mut out);
            } else {
                connected = true;
                let response = ConnectResponse::accepted(SessionId(1), 30_000, Some(false)).to_bytes();
                out.put_u32(response.len() as u32);
                out.put_slice(&response);
            }
            let frame_bytes = frame.len();
            input.advance(4 + frame_bytes);
        }
        stream.write_all(&out).await?;
        out.clear();
        input.reserve(16 << 10);
    }
    Ok(())
}

fn next(input: &[u8]) -> Option<&[u8]> {
    let (head, rest) = input.split_first_chunk::<4>()?;
    rest.get(..u32::from_be_bytes(*head) as usize).filter(|frame| frame.len() <= REQUEST_BYTES_MAX)
}

fn answer(frame: &[u8], read_answer: usize, out: &mut BytesMut) {
    let int = |at: usize| {
        frame.get(at..at + 4).map_or(0, |bytes| i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    let body_bytes = match OpCode(int(4)) {
        OpCode::GET_DATA => read_answer,
        OpCode::SET_DATA => STAT_BYTES,
        _ => 0,
    };
    out.put_u32((ReplyHeader::SMALLEST_BYTES + body_bytes) as u32);
    ReplyHeader { xid: int(0), zxid: Zxid(1), err: 0 }.encode(out);
    out.put_bytes(0, body_bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_size_of_a_keepers() {
        let mut out = BytesMut::new();
        let request = [0, 0, 0, 7, 0, 0, 0, 4];
        assert_eq!(next(&[0, 0, 0, 8]), None);
        answer(&request, 172, &mut out);
        assert_eq!((out.len(), &out[..8]), (4 + 16 + 172, &[0, 0, 0, 188, 0, 0, 0, 7][..]));
    }
}
