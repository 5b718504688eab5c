//! The shell of ZooKeeper's Java client with every verb it has, fed by its standard input.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::unique;
use crate::apache;
use crate::process::{self, run_ok};

const DEADLINE: Duration = Duration::from_secs(60);

/// Runs the commands against the server at `address` and looks at everything the shell prints.
pub fn run(address: &str) -> Result<String> {
    let root = unique("/shell");
    let commands = COMMANDS.replace("ROOT", &root).replace("ADDRESS", address);
    let finished = run_ok(shell(address)?, &commands, DEADLINE)?;
    let stderr = finished.text[finished.stdout.len()..].replace(&root, "ROOT");
    // The client prints events from a thread of its own: they are in order among themselves only.
    let stdout = finished.stdout.replace(&root, "ROOT");
    let (events, output): (Vec<&str>, Vec<&str>) = stdout.lines().partition(|line| line.starts_with("WatchedEvent"));
    in_order("the shell's output", &output.join("\n"), OUTPUT)?;
    in_order("the shell's events", &events.join("\n"), EVENTS)?;
    in_order("the shell's error output", &stderr, ERRORS)?;
    let complaints = stderr.matches("Command not found").count();
    ensure!(!stderr.contains("Exception"), "the shell reports an exception:\n{stderr}");
    // `help` is no command but what an unknown one prints, twice in words.
    ensure!(complaints == 2, "the shell does not know {} of the verbs:\n{stderr}", complaints / 2);
    let verbs = commands.lines().filter_map(|line| line.split(' ').next());
    let verbs: BTreeSet<&str> = verbs.collect();
    without_events(address, &root)?;
    single_commands(address, &root)?;
    Ok(format!("  ok     {}\n", verbs.into_iter().collect::<Vec<_>>().join(" ")))
}

fn shell(address: &str) -> Result<Command> {
    let mut java = apache::java("zookeeper", 128, "org.apache.zookeeper.ZooKeeperMain")?;
    java.args(["-server", address]).env("JAVA_TOOL_OPTIONS", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error");
    Ok(java)
}

/// `printwatches off`, in a shell of its own: an event that is under way when it is typed may be printed or not.
fn without_events(address: &str, root: &str) -> Result<()> {
    let commands = "printwatches off\nprintwatches\ncreate -e ROOT a\nget -w ROOT\nset ROOT b\nget ROOT\nquit\n";
    let output = run_ok(shell(address)?, &commands.replace("ROOT", root), DEADLINE)?.stdout;
    in_order("the quiet shell's output", &output, &["printwatches is off", "a", "b"])?;
    ensure!(!output.contains("NodeDataChanged"), "an event was printed in spite of `printwatches off`:\n{output}");
    Ok(())
}

/// With a command on its command line the shell runs that alone and tells by its exit code.
fn single_commands(address: &str, root: &str) -> Result<()> {
    let mut create = shell(address)?;
    create.args(["-waitforconnection", "create", root, "alone"]);
    run_ok(create, "", DEADLINE)?;
    // The server's name may have a path behind it, below which everything is then.
    let mut get = shell(&format!("{address}{root}"))?;
    get.args(["-waitforconnection", "get", "/"]);
    let got = run_ok(get, "", DEADLINE)?.stdout;
    ensure!(got.lines().any(|line| line == "alone"), "`get /` below {root} printed:\n{got}");
    let mut absent = shell(address)?;
    absent.args(["-waitforconnection", "get", &format!("{root}/absent")]);
    let failed = process::run(absent, "", DEADLINE)?;
    ensure!(!failed.success, "a `get` of a node that is absent ended with exit code 0:\n{}", failed.text);
    ensure!(failed.text.contains("Node does not exist"), "it does not say why:\n{}", failed.text);
    Ok(())
}

/// What is typed. `ROOT` is a path of this run, `ADDRESS` the server's.
const COMMANDS: &str = "\
version
help
create ROOT a
create -s ROOT/seq- b
create -e ROOT/eph c
create -s -e ROOT/both- d
create -c ROOT/box
create -t 3600000 ROOT/timed t
create -s -t 3600000 ROOT/timed- t
create ROOT again
create ROOT/eph/child x
create -c -e ROOT/wrong
create -e -t 100 ROOT/wrong
get -s ROOT
get -b ROOT
get -x ROOT
set -v 0 ROOT aa
set -v 0 ROOT stale
set -s ROOT/box boxed
set -b ROOT/box Ym94
get ROOT/box
get ROOT
ls -s ROOT
ls -R ROOT
stat ROOT/absent
stat ROOT/seq-0000000000
getEphemerals ROOT/e
getEphemerals ROOT/none
getAllChildrenNumber ROOT
stat -w ROOT/seq-0000000000
set ROOT/seq-0000000000 changed
get ROOT/seq-0000000000
get -w ROOT/seq-0000000000
removewatches ROOT/seq-0000000000 -d
removewatches ROOT/seq-0000000000 -d
ls -w ROOT
delete -v 9 ROOT/eph
delete -v 0 ROOT/eph
printwatches
printwatches on
addWatch ROOT/timed
addWatch -m PERSISTENT ROOT/box
set ROOT/box one
create ROOT/box/inner x
create ROOT/timed/inner x
set ROOT/timed/inner y
delete ROOT/timed/inner
removewatches ROOT/box -p
removewatches ROOT/timed -r
removewatches ROOT/timed -a
delete ROOT
sync ROOT
setquota -n 100 ROOT
setquota -b 1000 ROOT
setquota -N 200 ROOT
setquota -B 2000 ROOT
listquota ROOT
setquota -n 5 ROOT/box
delquota -n ROOT
listquota ROOT
delquota ROOT
listquota ROOT
create ROOT/small x
setquota -N 2 ROOT/small
create ROOT/small/one x
create ROOT/small/two x
delquota ROOT/small
whoami
addauth digest user:secret
whoami
getAcl ROOT
create ROOT/guarded x auth:user:secret:cdrwa
getAcl -s ROOT/guarded
setAcl -v 7 ROOT/guarded world:anyone:r
setAcl -s -v 0 ROOT/guarded world:anyone:r
set ROOT/guarded no
setAcl -R ROOT/small world:anyone:cdrwa,digest:user:5w9W4eL3797Y4Wq8AcKUPPk8ha4=:r
getAcl ROOT/small/one
setAcl ROOT nosuch:x:r
config
config -s
config -c
reconfig -remove 3
reconfig -add server.3=127.0.0.1:1:2;3
ls ROOT/small
redo 0
history
deleteall ROOT
ls ROOT
close
ls /
connect ADDRESS
ls /
quit
";

/// Lines of the shell's standard output; others may stand between them.
const OUTPUT: &[&str] = &[
    "ZooKeeper CLI version: 3.9.5",
    // get -s, -b and -x
    "a",
    "cversion = 6",
    "dataVersion = 0",
    "ephemeralOwner = 0x0",
    "dataLength = 1",
    "numChildren = 6",
    "YQ==",
    "|00000000| 61                                              |a               |",
    // set -s, get
    "dataVersion = 1",
    "dataLength = 5",
    "box",
    "aa",
    // ls -s and -R
    "[both-0000000002, box, eph, seq-0000000000, timed, timed-0000000005]",
    "dataVersion = 1",
    "dataLength = 2",
    "ROOT",
    "ROOT/both-0000000002",
    "ROOT/box",
    "ROOT/eph",
    "ROOT/seq-0000000000",
    "ROOT/timed",
    "ROOT/timed-0000000005",
    // stat, getEphemerals, getAllChildrenNumber
    "numChildren = 0",
    "[ROOT/eph]",
    "[]",
    "6",
    "changed",
    "changed",
    "[both-0000000002, box, eph, seq-0000000000, timed, timed-0000000005]",
    "printwatches is on",
    "Sync is OK",
    // listquota
    "Output quota for ROOT count=100,bytes=1000=;byteHardLimit=2000;countHardLimit=200",
    "Output stat for ROOT count=7,bytes=",
    "Output quota for ROOT count=-1,bytes=1000=;byteHardLimit=2000;countHardLimit=200",
    "Auth scheme: User",
    "ip: 127.0.0.1",
    "Auth scheme: User",
    "ip: 127.0.0.1",
    "digest: user",
    "'world,'anyone",
    ": cdrwa",
    "'digest,'user:5w9W4eL3797Y4Wq8AcKUPPk8ha4=",
    ": cdrwa",
    "aclVersion = 0",
    "aclVersion = 1",
    "'world,'anyone",
    ": cdrwa",
    "'digest,'user:5w9W4eL3797Y4Wq8AcKUPPk8ha4=",
    ": r",
    // config -s: the node of a standalone server was never written.
    "cZxid = 0x0",
    "ctime = Thu Jan 01",
    "aclVersion = -1",
    "numChildren = 0",
    "[one]",
    "ZooKeeper CLI version: 3.9.5",
    "- ls ROOT/small",
    "- version",
    "- history",
    "Not connected",
    "zookeeper]",
];

const EVENTS: &[&str] = &[
    "state:SyncConnected",
    "type:NodeDataChanged path:ROOT/seq-0000000000",
    "type:DataWatchRemoved path:ROOT/seq-0000000000",
    "type:NodeChildrenChanged path:ROOT",
    "type:NodeDataChanged path:ROOT/box",
    "type:NodeChildrenChanged path:ROOT/box",
    "type:NodeCreated path:ROOT/timed/inner",
    "type:NodeDataChanged path:ROOT/timed/inner",
    "type:NodeDeleted path:ROOT/timed/inner",
    "type:PersistentWatchRemoved path:ROOT/box",
    "type:PersistentWatchRemoved path:ROOT/timed",
    "state:Closed",
];

const ERRORS: &[&str] = &[
    // help
    "addWatch [-m mode] path",
    "Created ROOT",
    "Created ROOT/seq-0000000000",
    "Created ROOT/eph",
    "Created ROOT/both-0000000002",
    "Created ROOT/box",
    "Created ROOT/timed",
    "Created ROOT/timed-0000000005",
    "Node already exists: ROOT",
    "Ephemerals cannot have children: ROOT/eph/child",
    "Containers cannot be ephemeral or sequential.",
    "TTLs cannot be used with Ephemeral znodes",
    "version No is not valid : ROOT",
    "Node does not exist: ROOT/absent",
    "No such watcher for ROOT/seq-0000000000",
    "version No is not valid : ROOT/eph",
    "Created ROOT/box/inner",
    "Created ROOT/timed/inner",
    "No such watcher for ROOT/timed",
    "Node not empty: ROOT",
    "absolute path is /zookeeper/quotaROOT/zookeeper_limits",
    "ROOT/box has a parent ROOT which has a quota",
    "quota for ROOT does not exist.",
    "Created ROOT/small",
    "Created ROOT/small/one",
    "Quota has exceeded : ROOT/small/two",
    "Created ROOT/guarded",
    "version No is not valid : ROOT/guarded",
    "Insufficient permission : ROOT/guarded",
    "Acl is not valid : ROOT",
    "Reconfig is disabled",
    "Reconfig is disabled",
    "Node does not exist: ROOT",
];

/// Looks that lines which end with `wanted`, or have it as a word, occur in this order.
fn in_order(what: &str, text: &str, wanted: &[&str]) -> Result<()> {
    let mut lines = text.lines();
    for want in wanted {
        // An event ends with the zxid it happened at, a version with where it comes from.
        let matches = |line: &str| line.ends_with(want) || line.starts_with(want) || line.contains(&format!("{want} "));
        ensure!(lines.any(matches), "{what} lacks {want:?} at its place:\n{text}");
    }
    Ok(())
}
