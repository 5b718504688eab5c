//! The crate zookeeper-client against a ZooKeeper server: castlekeep-conformance-rust HOST:PORT
//!
//! Each check asserts; one that fails is printed, and the exit code is 1 at the end.

mod cut;

use std::error::Error as StdError;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use smol::Timer;
use smol::future::or;
use zookeeper_client::{
    Acl, Acls, AddWatchMode, AuthId, AuthUser, Client, CreateMode, CreateOptions, EnsembleUpdate, Error, EventType,
    LockOptions, LockPrefix, MultiReadResult, MultiWriteError, MultiWriteResult, Permission, SessionState,
};

type Outcome = Result<(), Box<dyn StdError>>;
type Check = fn(Setup) -> Pin<Box<dyn Future<Output = Outcome>>>;

const DEADLINE: Duration = Duration::from_secs(20);
const OPEN: CreateOptions<'static> = CreateMode::Persistent.with_acls(Acls::anyone_all());

/// Where a check finds the server, and the path below which it works.
struct Setup {
    address: String,
    root: String,
}

impl Setup {
    async fn connect(&self) -> Result<Client, Error> {
        let client = Client::connect(&self.address).await?;
        match client.create(&self.root, b"root", &OPEN).await {
            Ok(_) | Err(Error::NodeExists) => Ok(client),
            Err(error) => Err(error),
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }
}

fn main() {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: castlekeep-conformance-rust HOST:PORT");
        std::process::exit(2);
    };
    let checks: [(&str, Check); 10] = [
        ("znodes and stats", |setup| Box::pin(znodes(setup))),
        ("kinds of nodes", |setup| Box::pin(kinds(setup))),
        ("one-shot watches", |setup| Box::pin(oneshot_watches(setup))),
        ("persistent watches", |setup| Box::pin(persistent_watches(setup))),
        ("transactions", |setup| Box::pin(transactions(setup))),
        ("many reads in one request", |setup| Box::pin(multi_read(setup))),
        ("access control", |setup| Box::pin(access(setup))),
        ("locks", |setup| Box::pin(locks(setup))),
        ("a lost connection", |setup| Box::pin(lost_connection(setup))),
        ("sessions taken over and at their end", |setup| Box::pin(sessions(setup))),
    ];
    let mut failed = false;
    for (number, (name, check)) in checks.into_iter().enumerate() {
        let started = Instant::now();
        let setup = Setup { address: address.clone(), root: format!("/rust-{}-{number}", std::process::id()) };
        let result = smol::block_on(or(check(setup), async {
            Timer::after(DEADLINE).await;
            Err(format!("not done after {DEADLINE:?}").into())
        }));
        match result {
            Ok(()) => println!("  ok     {name} ({:.2} s)", started.elapsed().as_secs_f64()),
            Err(error) => {
                failed = true;
                println!("  FAILED {name}: {error}");
            }
        }
    }
    if failed {
        std::process::exit(1);
    }
}

/// An error unless both are the same.
fn same<T: PartialEq + Debug>(what: &str, got: T, wanted: T) -> Outcome {
    if got == wanted { Ok(()) } else { Err(format!("{what}: got {got:?}, want {wanted:?}").into()) }
}

/// An error unless the call failed in this way.
fn refused<T: Debug>(what: &str, got: Result<T, Error>, wanted: Error) -> Outcome {
    match got {
        Err(error) if error == wanted => Ok(()),
        got => Err(format!("{what}: got {got:?}, want the error {wanted:?}").into()),
    }
}

async fn until_gone(client: &Client, path: &str) -> Outcome {
    let (stat, watcher) = client.check_and_watch_stat(path).await?;
    if stat.is_some() {
        same("event", watcher.changed().await.event_type, EventType::NodeDeleted)?;
    }
    Ok(())
}

async fn znodes(setup: Setup) -> Outcome {
    let client = setup.connect().await?;
    let path = setup.path("node");
    let (created, _) = client.create(&path, b"one", &OPEN).await?;
    let (data, stat) = client.get_data(&path).await?;
    same("data", data, b"one".to_vec())?;
    same("the stat of create", stat, created)?;
    let changed = client.set_data(&path, b"three", Some(0)).await?;
    same("version and length", (changed.version, changed.data_length), (1, 5))?;
    same("czxid", changed.czxid, stat.czxid)?;
    refused("an old version", client.set_data(&path, b"", Some(0)).await, Error::BadVersion)?;
    refused("a second create", client.create(&path, b"", &OPEN).await, Error::NodeExists)?;
    refused("no parent", client.create(&setup.path("no/parent"), b"", &OPEN).await, Error::NoNode)?;
    refused("a node that is absent", client.get_data(&setup.path("absent")).await, Error::NoNode)?;
    client.mkdir(&setup.path("node/a/b"), &OPEN).await?;
    same("descendants", client.count_descendants_number(&path).await?, 2)?;
    refused("delete with a child", client.delete(&path, None).await, Error::NotEmpty)?;
    let (children, stat) = client.get_children(&path).await?;
    same("children", (children, stat.num_children, stat.cversion), (vec!["a".to_owned()], 1, 1))?;
    client.sync(&path).await?;
    client.delete(&setup.path("node/a/b"), Some(0)).await?;
    client.delete(&setup.path("node/a"), None).await?;
    client.delete(&path, Some(1)).await?;
    same("after the deletion", client.check_stat(&path).await?, None)?;

    let inside = client.clone().chroot(setup.root.as_str()).map_err(|_| "no chroot")?;
    inside.create("/inside", b"", &OPEN).await?;
    same("below a chroot", client.list_children(&setup.root).await?, vec!["inside".to_owned()])
}

async fn kinds(setup: Setup) -> Outcome {
    let (client, other) = (setup.connect().await?, setup.connect().await?);
    let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    let (stat, _) = other.create(&setup.path("e"), b"", &ephemeral).await?;
    same("owner", stat.ephemeral_owner, other.session_id().0)?;
    same("ephemerals", other.list_ephemerals(&setup.root).await?, vec![setup.path("e")])?;
    refused("a child", client.create(&setup.path("e/c"), b"", &OPEN).await, Error::NoChildrenForEphemerals)?;
    let numbered = CreateMode::EphemeralSequential.with_acls(Acls::anyone_all());
    let (_, number) = other.create(&setup.path("n-"), b"", &numbered).await?;
    same("sequence", number.to_string(), "0000000001".to_owned())?;
    let persistent = CreateMode::PersistentSequential.with_acls(Acls::anyone_all());
    same("sequence", client.create(&setup.path("n-"), b"", &persistent).await?.1.into_i64(), 2)?;
    drop(other);
    until_gone(&client, &setup.path("e")).await?;

    let container = CreateMode::Container.with_acls(Acls::anyone_all());
    client.create(&setup.path("box"), b"", &container).await?;
    client.create(&setup.path("box/child"), b"", &OPEN).await?;
    client.delete(&setup.path("box/child"), None).await?;
    until_gone(&client, &setup.path("box")).await?;
    let short = OPEN.with_ttl(Duration::from_millis(300));
    client.create(&setup.path("short"), b"", &short).await?;
    client.create(&setup.path("long"), b"", &OPEN.with_ttl(Duration::from_secs(3600))).await?;
    until_gone(&client, &setup.path("short")).await?;
    same("the long one", client.check_stat(&setup.path("long")).await?.is_some(), true)
}

async fn oneshot_watches(setup: Setup) -> Outcome {
    let (client, other) = (setup.connect().await?, setup.connect().await?);
    let (path, later) = (setup.path("watched"), setup.path("watched/later"));
    client.create(&path, b"", &OPEN).await?;
    let (_, _, data) = client.get_and_watch_data(&path).await?;
    let (_, _, children) = client.get_and_watch_children(&path).await?;
    let (absent, created) = client.check_and_watch_stat(&later).await?;
    same("not there yet", absent, None)?;
    let stat = other.set_data(&path, b"x", None).await?;
    other.create(&later, b"", &OPEN).await?;
    let (changed, listed, made) = (data.changed().await, children.changed().await, created.changed().await);
    same("data event", (changed.event_type, changed.path), (EventType::NodeDataChanged, path.clone()))?;
    same("its zxid", changed.zxid, stat.mzxid)?;
    same("child event", (listed.event_type, listed.path), (EventType::NodeChildrenChanged, path))?;
    same("creation event", (made.event_type, made.path), (EventType::NodeCreated, later.clone()))?;
    let (_, _, gone) = client.get_and_watch_data(&later).await?;
    other.delete(&later, None).await?;
    same("deletion event", gone.changed().await.event_type, EventType::NodeDeleted)?;
    let (_, _, unused) = client.get_and_watch_data(&setup.root).await?;
    #[expect(deprecated, reason = "the one way to see the answer of removeWatches")]
    unused.remove().await?;
    Ok(())
}

async fn persistent_watches(setup: Setup) -> Outcome {
    let (client, other) = (setup.connect().await?, setup.connect().await?);
    let (path, child) = (setup.path("p"), setup.path("p/c"));
    let mut node = client.watch(&path, AddWatchMode::Persistent).await?;
    other.create(&path, b"", &OPEN).await?;
    other.set_data(&path, b"1", None).await?;
    other.set_data(&path, b"2", None).await?;
    for wanted in [EventType::NodeCreated, EventType::NodeDataChanged, EventType::NodeDataChanged] {
        same("an event of the node", node.changed().await.event_type, wanted)?;
    }
    let mut tree = client.watch(&setup.root, AddWatchMode::PersistentRecursive).await?;
    for round in 0..2 {
        other.create(&child, b"", &OPEN).await?;
        other.set_data(&child, b"x", Some(0)).await?;
        other.delete(&child, Some(1)).await?;
        for wanted in [EventType::NodeCreated, EventType::NodeDataChanged, EventType::NodeDeleted] {
            let event = tree.changed().await;
            same(&format!("event of round {round}"), (event.event_type, event.path), (wanted, child.clone()))?;
        }
    }
    #[expect(deprecated, reason = "the one way to see the answer of removeWatches")]
    tree.remove().await?;
    Ok(())
}

async fn transactions(setup: Setup) -> Outcome {
    let client = setup.connect().await?;
    let (a, b) = (setup.path("a"), setup.path("b"));
    let mut writer = client.new_multi_writer();
    writer.add_check_version(&setup.root, 0)?;
    writer.add_create(&a, b"1", &OPEN)?;
    writer.add_set_data(&a, b"2", Some(0))?;
    writer.add_create(&b, b"", &OPEN)?;
    writer.add_delete(&b, Some(0))?;
    let results = writer.commit().await?;
    match results.as_slice() {
        [
            MultiWriteResult::Check,
            MultiWriteResult::Create { path, .. },
            MultiWriteResult::SetData { stat },
            MultiWriteResult::Create { .. },
            MultiWriteResult::Delete,
        ] => same("created and set", (path.as_str(), stat.version), (a.as_str(), 1))?,
        other => return Err(format!("unexpected results: {other:?}").into()),
    }
    let mut writer = client.new_multi_writer();
    writer.add_create(&b, b"", &OPEN)?;
    writer.add_delete(&a, Some(7))?;
    let failed = writer.commit().await;
    same("a wrong version", failed, Err(MultiWriteError::OperationFailed { index: 1, source: Error::BadVersion }))?;
    same("rolled back", client.check_stat(&b).await?, None)?;
    let mut writer = client.new_check_writer(&a, Some(0))?;
    writer.add_delete(&a, None)?;
    same("a check that fails", writer.commit().await.map_err(Error::from), Err(Error::RuntimeInconsistent))
}

async fn multi_read(setup: Setup) -> Outcome {
    let client = setup.connect().await?;
    client.create(&setup.path("child"), b"", &OPEN).await?;
    let mut reader = client.new_multi_reader();
    reader.add_get_data(&setup.root)?;
    reader.add_get_children(&setup.root)?;
    reader.add_get_data(&setup.path("absent"))?;
    let results = reader.commit().await?;
    match results.as_slice() {
        [
            MultiReadResult::Data { data, stat },
            MultiReadResult::Children { children },
            MultiReadResult::Error { err: Error::NoNode },
        ] => {
            same("data", data.as_slice(), b"root")?;
            same("children", (children.as_slice(), stat.num_children), (["child".to_owned()].as_slice(), 1))
        }
        other => Err(format!("unexpected results: {other:?}").into()),
    }
}

async fn access(setup: Setup) -> Outcome {
    let owner = setup.connect().await?;
    let stranger = setup.connect().await?;
    owner.auth("digest", b"user:secret").await?;
    let mut users = owner.list_auth_users().await?;
    users.sort_by(|one, other| one.scheme().cmp(other.scheme()));
    same("who am I", users, vec![AuthUser::new("digest", "user"), AuthUser::new("ip", "127.0.0.1")])?;
    let path = setup.path("guarded");
    owner.create(&path, b"x", &CreateMode::Persistent.with_acls(Acls::creator_all())).await?;
    refused("a stranger's read", stranger.get_data(&path).await, Error::NoAuth)?;
    let (acl, stat) = owner.get_acl(&path).await?;
    let digest = AuthId::new("digest", "user:5w9W4eL3797Y4Wq8AcKUPPk8ha4=");
    same("the entry", acl, vec![Acl::new(Permission::ALL, digest.clone())])?;
    let both = [Acl::new(Permission::READ, AuthId::anyone()), Acl::new(Permission::ALL, digest)];
    let changed = owner.set_acl(&path, &both, Some(stat.aversion)).await?;
    same("aversion", changed.aversion, 1)?;
    same("a stranger's read", stranger.get_data(&path).await?.0, b"x".to_vec())?;
    refused("a stranger's write", stranger.set_data(&path, b"", None).await, Error::NoAuth)?;
    let nobody = [Acl::new(Permission::ALL, AuthId::new("nosuch", "x"))];
    refused("no such scheme", owner.set_acl(&path, &nobody, None).await, Error::InvalidAcl)?;
    let update = EnsembleUpdate::New { ensemble: ["server.1=127.0.0.1:1:2;3"].into_iter() };
    refused("reconfig", stranger.update_ensemble(update, None).await, Error::ReconfigDisabled)?;
    same("config", stranger.get_config().await?.0.is_empty(), true)
}

async fn locks(setup: Setup) -> Outcome {
    let (client, other) = (setup.connect().await?, setup.connect().await?);
    let dir = setup.path("locks");
    let container = CreateMode::Container.with_acls(Acls::anyone_all());
    let options = LockOptions::new(Acls::anyone_all()).with_ancestor_options(container)?;
    let lock = client.lock(LockPrefix::new_curator(&dir, "lock-")?, b"", options.clone()).await?;
    let path = lock.lock_path().to_owned();
    lock.create(&setup.path("by-the-owner"), b"", &OPEN).await?;
    let waiting = async {
        let second = other.lock(LockPrefix::new_curator(&dir, "lock-")?, b"", options.clone()).await?;
        same("the first one's node", client.check_stat(&path).await?, None)?;
        drop(second);
        Ok::<(), Box<dyn StdError>>(())
    };
    let release = async {
        while other.list_children(&dir).await?.len() < 2 {
            smol::future::yield_now().await;
        }
        drop(lock);
        Ok::<(), Box<dyn StdError>>(())
    };
    let (waited, released) = smol::future::zip(waiting, release).await;
    waited?;
    released
}

async fn lost_connection(setup: Setup) -> Outcome {
    let other = setup.connect().await?;
    let proxy = cut::Proxy::start(&setup.address)?;
    let client = Client::connector().with_session_timeout(Duration::from_secs(10)).connect(&proxy.address()).await?;
    let session = client.session_id();
    let mut states = client.state_watcher();
    let path = setup.path("kept");
    client.create(&path, b"", &CreateMode::Ephemeral.with_acls(Acls::anyone_all())).await?;
    let (_, _, watch) = client.get_and_watch_data(&setup.root).await?;
    let (_, _, children) = client.get_and_watch_children(&setup.root).await?;
    let mut tree = client.watch(&setup.path("tree"), AddWatchMode::PersistentRecursive).await?;
    proxy.close();
    while states.state() != SessionState::Disconnected {
        states.changed().await;
    }
    // What happens meanwhile is told when the watches are set again.
    other.set_data(&setup.root, b"changed", None).await?;
    proxy.open();
    while states.state() != SessionState::SyncConnected {
        states.changed().await;
    }
    same("the session", client.session_id(), session)?;
    same("what was missed", watch.changed().await.event_type, EventType::NodeDataChanged)?;
    same("its ephemeral", other.check_stat(&path).await?.map(|stat| stat.ephemeral_owner), Some(session.0))?;
    other.create(&setup.path("later"), b"", &OPEN).await?;
    same("a watch set again", children.changed().await.event_type, EventType::NodeChildrenChanged)?;
    // Release 0.11.2 asks for one-shot watches only when it comes back: it takes a maximum of a number and itself.
    for state in [SessionState::Disconnected, SessionState::SyncConnected] {
        let event = tree.changed().await;
        same("the recursive watch", (event.event_type, event.session_state), (EventType::Session, state))?;
    }
    Ok(())
}

async fn sessions(setup: Setup) -> Outcome {
    let other = setup.connect().await?;
    let path = setup.path("e");
    let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    let client = Client::connector().with_detached().connect(&setup.address).await?;
    client.create(&path, b"", &ephemeral).await?;
    // A detached client leaves its session behind, and another one takes it over.
    let session = client.into_session();
    let id = session.id();
    let again = Client::connector().with_session(session).connect(&setup.address).await?;
    same("session", again.session_id(), id)?;
    same("ephemerals", again.list_ephemerals(&setup.root).await?, vec![path.clone()])?;
    let ended = again.session().clone();
    drop(again);
    until_gone(&other, &path).await?;
    let gone = Client::connector().with_session(ended).connect(&setup.address).await.map(|_| ());
    refused("a session that has ended", gone, Error::SessionExpired)?;

    // Nobody pings this one: it ends by itself.
    let short = Client::connector().with_session_timeout(Duration::from_secs(1)).with_detached();
    let client = short.connect(&setup.address).await?;
    client.create(&path, b"", &ephemeral).await?;
    drop(client);
    until_gone(&other, &path).await
}
