//! What flows between members through proxies, so that one of them can be cut off.

use std::collections::BTreeMap;

use keeper::membership::Membership;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::sync::watch;

use super::free_port;

/// Who cannot talk to anybody now.
type Cut = watch::Receiver<Option<i64>>;

/// The links of an ensemble.
pub struct Links {
    cut: watch::Sender<Option<i64>>,
    /// What each member takes for the membership: the others are where its own proxies are.
    pub views: BTreeMap<i64, Membership>,
}

impl Links {
    /// Proxies for every pair of members.
    pub async fn between(members: &Membership) -> Self {
        let (cut, seen) = watch::channel(None);
        let sids: Vec<i64> = members.members.keys().copied().collect();
        let mut views = BTreeMap::new();
        for from in &sids {
            let mut view = Membership::default();
            for to in &sids {
                let member = &members.members[to];
                let mut line = member.to_string();
                if from != to {
                    let (quorum, election) = (free_port(), free_port());
                    let real = &member.addresses[0];
                    for (proxy, target) in [(quorum, real.quorum_port), (election, real.election_port)] {
                        let listener = TcpListener::bind(("127.0.0.1", proxy)).await.unwrap();
                        tokio::spawn(serve(listener, target, (*from, *to), seen.clone()));
                    }
                    line = format!("127.0.0.1:{quorum}:{election}");
                }
                view.add(&format!("server.{to}"), &line).unwrap();
            }
            views.insert(*from, view);
        }
        Self { cut, views }
    }

    /// From now on nothing passes to or from this member; nothing is lost either.
    pub fn cut_off(&self, member: Option<i64>) {
        self.cut.send_replace(member);
    }
}

async fn serve(listener: TcpListener, target: u16, ends: (i64, i64), cut: Cut) {
    while let Ok((dialler, _)) = listener.accept().await {
        let mut cut = cut.clone();
        tokio::spawn(async move {
            whole(&mut cut, ends).await;
            let Ok(dialled) = TcpStream::connect(("127.0.0.1", target)).await else { return };
            let ((one_in, one_out), (other_in, other_out)) = (dialler.into_split(), dialled.into_split());
            tokio::join!(pass(one_in, other_out, ends, cut.clone()), pass(other_in, one_out, ends, cut));
        });
    }
}

/// Passes bytes on, and the end behind them.
async fn pass(mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf, ends: (i64, i64), mut cut: Cut) {
    let mut bytes = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        whole(&mut cut, ends).await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
    whole(&mut cut, ends).await;
}

async fn whole(cut: &mut Cut, ends: (i64, i64)) {
    // Without the other side the test is over.
    let _ = cut.wait_for(|cut| cut.is_none_or(|member| member != ends.0 && member != ends.1)).await;
}
