import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.admin.ZooKeeperAdmin;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** The Java client of Apache ZooKeeper against a server: ClientSuite HOST:PORT [PART OF A NAME] */
final class ClientSuite {
    private static String server;
    private static ZooKeeper one;
    private static ZooKeeper two;
    private static final String ROOT = "/java-" + Checks.RUN;

    public static void main(String[] arguments) throws Exception {
        server = arguments[0];
        one = connect(server, new Events());
        two = connect(server, new Events());
        one.create(ROOT, bytes("root"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        new Checks()
            .add("nodes and stats", ClientSuite::nodes)
            .add("kinds of nodes", ClientSuite::kinds)
            .add("multi", ClientSuite::multi)
            .add("asynchronous calls", ClientSuite::asynchronous)
            .add("one-shot watches", ClientSuite::oneShotWatches)
            .add("persistent watches", ClientSuite::persistentWatches)
            .add("watches removed", ClientSuite::watchesRemoved)
            .add("reconnect with every kind of watch", ClientSuite::reconnect)
            .add("reconnect with thousands of watches", ClientSuite::reconnectWithMany)
            .add("session expiry", ClientSuite::expiry)
            .add("chroot, and a client that would take a read-only server", ClientSuite::chrootAndReadOnly)
            .add("a session taken over", ClientSuite::takenOver)
            .add("access control and who am I", ClientSuite::access)
            .add("config", ClientSuite::config)
            .runAndExit(arguments.length > 1 ? arguments[1] : "");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Keeps what a watcher is told; each kind of watch gets one of its own. */
    private static final class Events implements Watcher {
        final BlockingQueue<WatchedEvent> queue = new LinkedBlockingQueue<>();

        @Override
        public void process(WatchedEvent event) {
            queue.add(event);
        }

        WatchedEvent next() throws InterruptedException {
            WatchedEvent event = queue.poll(Checks.SECONDS, TimeUnit.SECONDS);
            Checks.that("an event came", event != null);
            return event;
        }

        void expect(EventType type, String path) throws InterruptedException {
            WatchedEvent event = next();
            Checks.same("event", type + " " + path, event.getType() + " " + event.getPath());
        }

        /** Passes over everything before this state of the session. */
        void expect(KeeperState state) throws InterruptedException {
            WatchedEvent event = next();
            while (event.getType() != EventType.None || event.getState() != state) {
                event = next();
            }
        }
    }

    private static ZooKeeper connect(String address, Events events) throws Exception {
        ZooKeeper client = new ZooKeeper(address, 10000, events);
        events.expect(KeeperState.SyncConnected);
        return client;
    }

    private static String create(String name, CreateMode mode) throws Exception {
        return one.create(ROOT + "/" + name, bytes(name), Ids.OPEN_ACL_UNSAFE, mode);
    }

    private static void nodes() throws Exception {
        Stat created = new Stat();
        String path = one.create(ROOT + "/node", bytes("one"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, created);
        Stat stat = new Stat();
        Checks.same("data", "one", new String(two.getData(path, false, stat), StandardCharsets.UTF_8));
        Checks.same("the stat of create", created, stat);
        Stat changed = one.setData(path, bytes("three"), 0);
        Checks.same("version", 1, changed.getVersion());
        Checks.same("length", 5, changed.getDataLength());
        Checks.fails(KeeperException.BadVersionException.class, () -> one.setData(path, bytes("x"), 0));
        one.setData(path, null, -1);
        Checks.same("no data", null, two.getData(path, false, null));
        Checks.fails(KeeperException.NodeExistsException.class, () -> create("node", CreateMode.PERSISTENT));
        Checks.fails(KeeperException.NoNodeException.class, () -> create("no/parent", CreateMode.PERSISTENT));
        create("node/a", CreateMode.PERSISTENT);
        create("node/a/b", CreateMode.PERSISTENT);
        Checks.same("all below", 2, two.getAllChildrenNumber(path));
        Checks.same("children", List.of("a"), two.getChildren(path, false, stat));
        Checks.same("cversion", 1, stat.getCversion());
        Checks.fails(KeeperException.NotEmptyException.class, () -> {
            one.delete(path, -1);
            return null;
        });
        one.sync(path);
        one.delete(path + "/a/b", 0);
        one.delete(path + "/a", 0);
        one.delete(path, 2);
        Checks.same("after deletion", null, two.exists(path, false));
        byte[] large = new byte[1_000_000];
        Arrays.fill(large, (byte) 'x');
        String big = one.create(ROOT + "/large", large, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Checks.that("a large value is whole", Arrays.equals(large, two.getData(big, false, null)));
    }

    private static void kinds() throws Exception {
        String base = create("kinds", CreateMode.PERSISTENT);
        Events events = new Events();
        ZooKeeper other = connect(server, new Events());
        String ephemeral = other.create(base + "/e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        Checks.same("owner", other.getSessionId(), two.exists(ephemeral, events).getEphemeralOwner());
        String numbered = other.create(base + "/n-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL);
        Checks.same("number", base + "/n-0000000001", numbered);
        Checks.same("ephemerals", Set.of(ephemeral, numbered), Set.copyOf(other.getEphemerals()));
        Checks.same("ephemerals below", List.of(ephemeral), other.getEphemerals(ephemeral));
        Checks.fails(KeeperException.NoChildrenForEphemeralsException.class,
            () -> create("kinds/e/child", CreateMode.PERSISTENT));
        other.close();
        events.expect(EventType.NodeDeleted, ephemeral);

        String box = create("kinds/box", CreateMode.CONTAINER);
        create("kinds/box/child", CreateMode.PERSISTENT);
        Checks.that("the box is there", two.exists(box, events) != null);
        one.delete(box + "/child", 0);
        events.expect(EventType.NodeDeleted, box);
        Stat stat = new Stat();
        String brief = one.create(base + "/brief", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, stat, 300);
        String lasting = one.create(base + "/lasting-", null, Ids.OPEN_ACL_UNSAFE,
            CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, stat, 3_600_000);
        Checks.that("the brief one is there", two.exists(brief, events) != null);
        events.expect(EventType.NodeDeleted, brief);
        Checks.that("the lasting one is there", two.exists(lasting, false) != null);
    }

    private static void multi() throws Exception {
        String base = create("multi", CreateMode.PERSISTENT);
        List<OpResult> results = one.multi(List.of(
            Op.check(base, 0),
            Op.create(base + "/n-", bytes("1"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL),
            Op.create(base + "/box", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
            Op.create(base + "/brief", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 3_600_000),
            Op.setData(base, bytes("set"), 0),
            Op.delete(base + "/box", 0)));
        Checks.same("made", base + "/n-0000000000", ((OpResult.CreateResult) results.get(1)).getPath());
        Checks.same("set", 1, ((OpResult.SetDataResult) results.get(4)).getStat().getVersion());
        KeeperException refused = Checks.fails(KeeperException.BadVersionException.class, () -> one.multi(List.of(
            Op.delete(base + "/brief", -1), Op.check(base, 0), Op.setData(base, bytes("no"), -1))));
        List<Integer> errors = refused.getResults().stream()
            .map(result -> result instanceof OpResult.ErrorResult error ? error.getErr() : 0)
            .toList();
        int inconsistent = KeeperException.Code.RUNTIMEINCONSISTENCY.intValue();
        Checks.same("errors", List.of(0, KeeperException.Code.BADVERSION.intValue(), inconsistent), errors);
        Checks.that("rolled back", two.exists(base + "/brief", false) != null);

        List<OpResult> reads = two.multi(List.of(Op.getData(base), Op.getChildren(base), Op.getData(base + "/absent")));
        Checks.same("read", "set", new String(((OpResult.GetDataResult) reads.get(0)).getData(), StandardCharsets.UTF_8));
        Set<String> children = new TreeSet<>(((OpResult.GetChildrenResult) reads.get(1)).getChildren());
        Checks.same("children", Set.of("brief", "n-0000000000"), children);
        int absent = KeeperException.Code.NONODE.intValue();
        Checks.same("absent", absent, ((OpResult.ErrorResult) reads.get(2)).getErr());
        Checks.same("a transaction", 2, two.transaction()
            .create(base + "/t", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL)
            .delete(base + "/t", 0)
            .commit().size());
    }

    private static void asynchronous() throws Exception {
        String base = create("async", CreateMode.PERSISTENT);
        int writes = 500;
        List<Integer> versions = new ArrayList<>();
        List<String> wrong = new ArrayList<>();
        CountDownLatch done = new CountDownLatch(writes + 6);
        for (int number = 0; number < writes; number++) {
            one.setData(base, bytes("x"), -1, (code, path, context, stat) -> {
                versions.add(stat == null ? code : stat.getVersion());
                done.countDown();
            }, null);
        }
        AtomicInteger answers = new AtomicInteger();
        // Callbacks come in the order of the calls, on one thread.
        one.getData(base, false, (code, path, context, data, stat) -> {
            note(wrong, "getData", code == 0 && stat.getVersion() == writes && answers.getAndIncrement() == 0);
            done.countDown();
        }, null);
        one.create(base + "/n-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL,
            (code, path, context, name, stat) -> {
                note(wrong, "create", code == 0 && name.equals(base + "/n-0000000000") && answers.getAndIncrement() == 1);
                done.countDown();
            }, null);
        one.getChildren(base, false, (code, path, context, children, stat) -> {
            note(wrong, "getChildren", code == 0 && children.size() == 1 && answers.getAndIncrement() == 2);
            done.countDown();
        }, null);
        one.exists(base + "/absent", false, (code, path, context, stat) -> {
            note(wrong, "exists", code == KeeperException.Code.NONODE.intValue() && answers.getAndIncrement() == 3);
            done.countDown();
        }, null);
        one.sync(base, (code, path, context) -> {
            note(wrong, "sync", code == 0 && answers.getAndIncrement() == 4);
            done.countDown();
        }, null);
        one.multi(List.of(Op.check(base, 0)), (code, path, context, results) -> {
            note(wrong, "multi", code == KeeperException.Code.BADVERSION.intValue() && answers.getAndIncrement() == 5);
            done.countDown();
        }, null);
        Checks.that("every call was answered", done.await(Checks.SECONDS, TimeUnit.SECONDS));
        Checks.same("wrong answers", List.of(), wrong);
        for (int number = 0; number < writes; number++) {
            Checks.same("version", number + 1, versions.get(number));
        }
    }

    private static void note(List<String> wrong, String what, boolean right) {
        if (!right) {
            wrong.add(what);
        }
    }

    private static void oneShotWatches() throws Exception {
        String base = create("oneshot", CreateMode.PERSISTENT);
        Events data = new Events();
        Events children = new Events();
        Events later = new Events();
        one.getData(base, data, null);
        one.getChildren(base, children);
        one.exists(base + "/later", later);
        Stat stat = two.setData(base, bytes("1"), -1);
        two.setData(base, bytes("2"), -1);
        two.create(base + "/later", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        two.delete(base + "/later", -1);
        WatchedEvent event = data.next();
        Checks.same("type", EventType.NodeDataChanged, event.getType());
        Checks.same("zxid", stat.getMzxid(), event.getZxid());
        children.expect(EventType.NodeChildrenChanged, base);
        later.expect(EventType.NodeCreated, base + "/later");
        one.sync(base);
        Checks.that("each was told once", data.queue.isEmpty() && children.queue.isEmpty() && later.queue.isEmpty());
    }

    private static void persistentWatches() throws Exception {
        String base = create("persistent", CreateMode.PERSISTENT);
        Events node = new Events();
        Events tree = new Events();
        one.addWatch(base, node, AddWatchMode.PERSISTENT);
        one.addWatch(base + "/tree", tree, AddWatchMode.PERSISTENT_RECURSIVE);
        for (int round = 0; round < 2; round++) {
            two.create(base + "/tree", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            two.create(base + "/tree/leaf", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            two.setData(base + "/tree/leaf", bytes("x"), -1);
            two.delete(base + "/tree/leaf", -1);
            two.delete(base + "/tree", -1);
            two.setData(base, bytes("x"), -1);
            tree.expect(EventType.NodeCreated, base + "/tree");
            tree.expect(EventType.NodeCreated, base + "/tree/leaf");
            tree.expect(EventType.NodeDataChanged, base + "/tree/leaf");
            tree.expect(EventType.NodeDeleted, base + "/tree/leaf");
            tree.expect(EventType.NodeDeleted, base + "/tree");
            node.expect(EventType.NodeChildrenChanged, base);
            node.expect(EventType.NodeChildrenChanged, base);
            node.expect(EventType.NodeDataChanged, base);
        }
    }

    private static void watchesRemoved() throws Exception {
        String base = create("removed", CreateMode.PERSISTENT);
        Events data = new Events();
        Events children = new Events();
        Events tree = new Events();
        one.getData(base, data, null);
        one.getChildren(base, children);
        one.addWatch(base, tree, AddWatchMode.PERSISTENT_RECURSIVE);
        Checks.fails(KeeperException.NoWatcherException.class, () -> {
            one.removeWatches(base, new Events(), WatcherType.Data, false);
            return null;
        });
        one.removeWatches(base, data, WatcherType.Data, false);
        data.expect(EventType.DataWatchRemoved, base);
        one.removeWatches(base, tree, WatcherType.PersistentRecursive, false);
        tree.expect(EventType.PersistentWatchRemoved, base);
        two.setData(base, bytes("unseen"), -1);
        two.create(base + "/seen", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        children.expect(EventType.NodeChildrenChanged, base);
        one.sync(base);
        Checks.that("nothing for watches that are gone", data.queue.isEmpty() && tree.queue.isEmpty());
        one.exists(base, data);
        one.getChildren(base, children);
        one.removeAllWatches(base, WatcherType.Any, false);
        data.expect(EventType.DataWatchRemoved, base);
        children.expect(EventType.ChildWatchRemoved, base);
    }

    private static void reconnect() throws Exception {
        String base = create("reconnect", CreateMode.PERSISTENT);
        create("reconnect/gone", CreateMode.PERSISTENT);
        Events session = new Events();
        try (Door door = new Door(server); ZooKeeper client = connect(door.address(), session)) {
            Events data = new Events();
            Events children = new Events();
            Events gone = new Events();
            Events later = new Events();
            Events node = new Events();
            Events tree = new Events();
            long id = client.getSessionId();
            String kept = client.create(base + "/kept", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
            client.getData(base, data, null);
            client.getChildren(base, children);
            client.getData(base + "/gone", gone, null);
            client.exists(base + "/later", later);
            client.addWatch(base + "/node", node, AddWatchMode.PERSISTENT);
            client.addWatch(base + "/tree", tree, AddWatchMode.PERSISTENT_RECURSIVE);
            door.shut();
            session.expect(KeeperState.Disconnected);
            Checks.fails(KeeperException.ConnectionLossException.class, () -> client.exists(base, false));
            one.setData(base, bytes("changed"), -1);
            one.delete(base + "/gone", -1);
            door.open();
            session.expect(KeeperState.SyncConnected);
            Checks.same("session", id, client.getSessionId());
            // What was missed is told before anything else.
            Checks.that("the ephemeral is kept", client.exists(kept, false).getEphemeralOwner() == id);
            for (Events each : List.of(data, children, gone, later, node, tree)) {
                each.expect(KeeperState.Disconnected);
                each.expect(KeeperState.SyncConnected);
            }
            data.expect(EventType.NodeDataChanged, base);
            children.expect(EventType.NodeChildrenChanged, base);
            gone.expect(EventType.NodeDeleted, base + "/gone");
            for (String name : List.of("/later", "/node", "/tree", "/tree/leaf")) {
                one.create(base + name, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            }
            later.expect(EventType.NodeCreated, base + "/later");
            node.expect(EventType.NodeCreated, base + "/node");
            tree.expect(EventType.NodeCreated, base + "/tree");
            tree.expect(EventType.NodeCreated, base + "/tree/leaf");
        }
    }

    /** More paths than the client puts into one request: it sends several, each answered by itself. */
    private static void reconnectWithMany() throws Exception {
        String base = create("many", CreateMode.PERSISTENT);
        String filler = "x".repeat(150);
        int count = 2000;
        Events session = new Events();
        Events created = new Events();
        CountDownLatch done = new CountDownLatch(count);
        try (Door door = new Door(server); ZooKeeper client = connect(door.address(), session)) {
            for (int number = 0; number < count; number++) {
                client.exists(base + "/" + filler + number, created, (code, path, context, stat) -> done.countDown(), null);
            }
            Checks.that("every watch is set", done.await(Checks.SECONDS, TimeUnit.SECONDS));
            door.shut();
            session.expect(KeeperState.Disconnected);
            // Made while nobody is there to be told, and made afterwards.
            List<Op> missed = new ArrayList<>();
            List<Op> later = new ArrayList<>();
            for (int number = 0; number < count; number++) {
                Op op = Op.create(base + "/" + filler + number, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
                (number % 2 == 0 ? missed : later).add(op);
            }
            one.multi(missed);
            door.open();
            session.expect(KeeperState.SyncConnected);
            client.exists(base, false);
            one.multi(later);
            Set<String> told = new TreeSet<>();
            while (told.size() < count) {
                WatchedEvent event = created.next();
                if (event.getType() == EventType.NodeCreated) {
                    Checks.that("told once of " + event.getPath(), told.add(event.getPath()));
                }
            }
        }
    }

    private static void chrootAndReadOnly() throws Exception {
        create("chroot", CreateMode.PERSISTENT);
        Events events = new Events();
        Events watch = new Events();
        ZooKeeper client = new ZooKeeper(server + ROOT + "/chroot", 10000, events, true);
        events.expect(KeeperState.SyncConnected);
        Checks.same("made", "/inside", client.create("/inside", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        client.getData("/inside", watch, null);
        client.addWatch("/", watch, AddWatchMode.PERSISTENT_RECURSIVE);
        Checks.that("outside it has its whole name", one.exists(ROOT + "/chroot/inside", false) != null);
        one.delete(ROOT + "/chroot/inside", 0);
        watch.expect(EventType.NodeDeleted, "/inside");
        client.close();
    }

    private static void expiry() throws Exception {
        Events session = new Events();
        Events watch = new Events();
        Events seen = new Events();
        try (Door door = new Door(server)) {
            ZooKeeper client = new ZooKeeper(door.address(), 1000, session);
            session.expect(KeeperState.SyncConnected);
            String path = client.create(ROOT + "/expires", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
            client.getData(path, watch, null);
            Checks.that("it is there", one.exists(path, seen) != null);
            door.shut();
            seen.expect(EventType.NodeDeleted, path);
            door.open();
            session.expect(KeeperState.Expired);
            watch.expect(KeeperState.Expired);
            Checks.fails(KeeperException.SessionExpiredException.class, () -> client.exists(path, false));
            client.close();
        }
    }

    private static void takenOver() throws Exception {
        Events first = new Events();
        Events second = new Events();
        Door door = new Door(server);
        ZooKeeper client = connect(door.address(), first);
        String path = client.create(ROOT + "/taken", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        door.shut();
        first.expect(KeeperState.Disconnected);
        ZooKeeper heir = new ZooKeeper(server, 10000, second, client.getSessionId(), client.getSessionPasswd());
        second.expect(KeeperState.SyncConnected);
        Checks.same("session", client.getSessionId(), heir.getSessionId());
        Checks.same("ephemerals", List.of(path), heir.getEphemerals());
        heir.close();
        Checks.same("the end of the session", null, one.exists(path, false));
        door.open();
        first.expect(KeeperState.Expired);
        door.close();
        byte[] forged = new byte[16];
        ZooKeeper thief = new ZooKeeper(server, 10000, second, two.getSessionId(), forged);
        second.expect(KeeperState.Expired);
        thief.close();
    }

    private static void access() throws Exception {
        ZooKeeper owner = connect(server, new Events());
        owner.addAuthInfo("digest", bytes("user:secret"));
        Set<String> identities = owner.whoAmI().stream()
            .map((ClientInfo info) -> info.getAuthScheme() + ":" + info.getUser())
            .collect(Collectors.toSet());
        Checks.same("identities", Set.of("ip:127.0.0.1", "digest:user"), identities);
        String path = owner.create(ROOT + "/guarded", null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
        Checks.fails(KeeperException.NoAuthException.class, () -> one.getData(path, false, null));
        Stat stat = new Stat();
        Id digest = new Id("digest", "user:5w9W4eL3797Y4Wq8AcKUPPk8ha4=");
        Checks.same("acl", List.of(new ACL(Perms.ALL, digest)), owner.getACL(path, stat));
        List<ACL> both = Arrays.asList(new ACL(Perms.ALL, digest), new ACL(Perms.READ, new Id("ip", "127.0.0.1")));
        Checks.same("aversion", 1, owner.setACL(path, both, stat.getAversion()).getAversion());
        Checks.fails(KeeperException.BadVersionException.class, () -> owner.setACL(path, both, 0));
        Checks.same("readable", null, one.getData(path, false, null));
        // Without ADMIN the hash is not shown.
        Checks.same("masked", "user:x", one.getACL(path, null).get(0).getId().getId());
        Checks.fails(KeeperException.NoAuthException.class, () -> one.setData(path, null, -1));
        Checks.fails(KeeperException.InvalidACLException.class,
            () -> one.create(ROOT + "/nobody", null, Arrays.asList(new ACL(Perms.ALL, new Id("nosuch", "x"))),
                CreateMode.PERSISTENT));
        owner.close();
    }

    private static void config() throws Exception {
        Stat stat = new Stat();
        byte[] config = one.getConfig(false, stat);
        Checks.that("the config of a standalone server is empty", config == null || config.length == 0);
        try (ZooKeeperAdmin admin = new ZooKeeperAdmin(server, 10000, event -> {})) {
            Checks.fails(KeeperException.ReconfigDisabledException.class,
                () -> admin.reconfigure(null, "3", null, -1, stat));
        }
    }
}
