import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.api.transaction.OperationType;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.x.async.AsyncCuratorFramework;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.data.Stat;

/** The framework itself: its builders, transactions, kinds of nodes, watches through a lost connection. */
final class CuratorFrameworkChecks {
    private static final String ROOT = Curators.ROOT;

    private CuratorFrameworkChecks() {}

    static void addTo(Checks checks) {
        checks
            .add("framework: builders", CuratorFrameworkChecks::builders)
            .add("framework: containers and ttl", CuratorFrameworkChecks::containersAndTtl)
            .add("framework: transactions", CuratorFrameworkChecks::transactions)
            .add("framework: background and async", CuratorFrameworkChecks::background)
            .add("framework: acl and namespace", CuratorFrameworkChecks::aclAndNamespace)
            .add("framework: watches and a lost connection", CuratorFrameworkChecks::watchesReconnect);
    }

    private static void builders() throws Exception {
        CuratorFramework client = Curators.one;
        String base = ROOT + "/builders";
        Stat stat = new Stat();
        client.create().storingStatIn(stat).creatingParentsIfNeeded().forPath(base + "/a/b", Curators.bytes("one"));
        Checks.same("length", 3, stat.getDataLength());
        Checks.same("data", "one", Curators.text(Curators.two.getData().storingStatIn(stat).forPath(base + "/a/b")));
        Checks.same("set", 1, client.setData().withVersion(stat.getVersion()).forPath(base + "/a/b", null).getVersion());
        Checks.fails(KeeperException.BadVersionException.class,
            () -> client.setData().withVersion(0).forPath(base + "/a/b"));
        // orSetData writes where somebody else has created.
        client.create().orSetData().forPath(base + "/a/b", Curators.bytes("two"));
        Checks.same("or set", "two", Curators.text(Curators.two.getData().forPath(base + "/a/b")));
        String name = client.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath(base + "/p-");
        Checks.that("protected: " + name, name.startsWith(base + "/_c_") && name.endsWith("-p-0000000001"));
        Checks.same("children", 2, Curators.two.getChildren().storingStatIn(stat).forPath(base).size());
        Checks.same("all below", 3, client.getZookeeperClient().getZooKeeper().getAllChildrenNumber(base));
        client.sync().forPath(base);
        client.create().idempotent().forPath(base + "/again", Curators.bytes("x"));
        client.create().idempotent().forPath(base + "/again", Curators.bytes("x"));
        client.delete().quietly().forPath(base + "/absent");
        client.delete().guaranteed().deletingChildrenIfNeeded().forPath(base);
        Checks.same("gone", null, Curators.two.checkExists().forPath(base));
    }

    private static void containersAndTtl() throws Exception {
        CuratorFramework client = Curators.one;
        String parent = ROOT + "/parent";
        client.create().creatingParentContainersIfNeeded().forPath(parent + "/child/leaf");
        CountDownLatch gone = new CountDownLatch(2);
        Watcher deleted = event -> {
            if (event.getType() == EventType.NodeDeleted) {
                gone.countDown();
            }
        };
        Curators.two.checkExists().usingWatcher(deleted).forPath(parent);
        client.delete().forPath(parent + "/child/leaf");
        String brief = ROOT + "/brief";
        client.create().withTtl(300).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath(brief);
        Curators.two.checkExists().usingWatcher(deleted).forPath(brief);
        client.create().withMode(CreateMode.CONTAINER).forPath(ROOT + "/box");
        Curators.await("the parents and the brief node are gone", gone);
        String lasting = client.create().withTtl(3_600_000).withMode(CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL)
            .forPath(ROOT + "/lasting-");
        Checks.that("the lasting one is there", client.checkExists().forPath(lasting) != null);
    }

    private static void transactions() throws Exception {
        CuratorFramework client = Curators.one;
        String base = client.create().forPath(ROOT + "/transaction");
        List<CuratorTransactionResult> results = client.transaction().forOperations(
            client.transactionOp().check().withVersion(0).forPath(base),
            client.transactionOp().create().withMode(CreateMode.PERSISTENT_SEQUENTIAL).forPath(base + "/n-"),
            client.transactionOp().setData().withVersion(0).forPath(base, Curators.bytes("set")),
            client.transactionOp().create().withTtl(3_600_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath(base + "/t"),
            client.transactionOp().delete().forPath(base + "/t"));
        Checks.same("results", List.of(OperationType.CHECK, OperationType.CREATE, OperationType.SET_DATA,
            OperationType.CREATE, OperationType.DELETE), results.stream().map(CuratorTransactionResult::getType).toList());
        Checks.same("made", base + "/n-0000000000", results.get(1).getResultPath());
        Checks.same("set", 1, results.get(2).getResultStat().getVersion());
        Checks.fails(KeeperException.NodeExistsException.class, () -> client.transaction().forOperations(
            client.transactionOp().delete().forPath(base + "/n-0000000000"),
            client.transactionOp().create().forPath(base)));
        Checks.that("rolled back", client.checkExists().forPath(base + "/n-0000000000") != null);
    }

    private static void background() throws Exception {
        CuratorFramework client = Curators.one;
        String base = client.create().forPath(ROOT + "/background");
        BlockingQueue<String> results = new LinkedBlockingQueue<>();
        for (int number = 0; number < 100; number++) {
            client.create().inBackground((ignored, event) -> results.add(event.getName() + event.getResultCode()))
                .forPath(base + "/" + number);
        }
        List<String> wanted = new ArrayList<>();
        List<String> got = new ArrayList<>();
        for (int number = 0; number < 100; number++) {
            wanted.add(base + "/" + number + "0");
            got.add(results.poll(Checks.SECONDS, TimeUnit.SECONDS));
        }
        Checks.same("results in order", wanted, got);
        AsyncCuratorFramework async = AsyncCuratorFramework.wrap(client);
        int count = async.create().forPath(base + "/x")
            .thenCompose(path -> async.getChildren().forPath(base))
            .thenApply(List::size)
            .toCompletableFuture().get(Checks.SECONDS, TimeUnit.SECONDS);
        Checks.same("children", 101, count);
        client.delete().deletingChildrenIfNeeded().forPath(base);
    }

    private static void aclAndNamespace() throws Exception {
        CuratorFramework inside = Curators.one.usingNamespace(ROOT.substring(1) + "/space");
        inside.create().creatingParentsIfNeeded().withACL(Ids.READ_ACL_UNSAFE).forPath("/read-only", Curators.bytes("x"));
        Checks.same("read", "x", Curators.text(Curators.two.getData().forPath(ROOT + "/space/read-only")));
        Checks.same("acl", Ids.READ_ACL_UNSAFE, inside.getACL().forPath("/read-only"));
        Checks.fails(KeeperException.NoAuthException.class, () -> inside.setData().forPath("/read-only"));
        Checks.fails(KeeperException.NoAuthException.class,
            () -> inside.setACL().withACL(Ids.OPEN_ACL_UNSAFE).forPath("/read-only"));
    }

    private static void watchesReconnect() throws Exception {
        String base = Curators.one.create().forPath(ROOT + "/reconnect");
        try (Door door = new Door(Curators.server); CuratorFramework client = Curators.connect(door.address())) {
            BlockingQueue<WatchedEvent> once = new LinkedBlockingQueue<>();
            Set<String> always = ConcurrentHashMap.newKeySet();
            client.getData().usingWatcher((Watcher) once::add).forPath(base);
            client.watchers().add().withMode(AddWatchMode.PERSISTENT_RECURSIVE)
                .usingWatcher((Watcher) event -> always.add(event.getType() + " " + event.getPath())).forPath(base);
            PersistentWatcher persistent = new PersistentWatcher(client, base, true);
            Set<String> recipe = ConcurrentHashMap.newKeySet();
            persistent.getListenable().addListener(event -> recipe.add(event.getType() + " " + event.getPath()));
            persistent.start();
            long session = client.getZookeeperClient().getZooKeeper().getSessionId();
            String kept = client.create().withMode(CreateMode.EPHEMERAL).forPath(base + "/kept");
            CountDownLatch suspended = Curators.reaching(client, ConnectionState.SUSPENDED);
            CountDownLatch back = Curators.reaching(client, ConnectionState.RECONNECTED);
            door.shut();
            Curators.await("the loss", suspended);
            Curators.one.setData().forPath(base, Curators.bytes("missed"));
            door.open();
            Curators.await("the reconnect", back);
            Checks.same("session", session, client.getZookeeperClient().getZooKeeper().getSessionId());
            Checks.same("owner", session, Curators.one.checkExists().forPath(kept).getEphemeralOwner());
            Checks.until("the missed change", () -> once.stream().anyMatch(
                event -> event.getType() == EventType.NodeDataChanged && event.getPath().equals(base)));
            Curators.one.create().forPath(base + "/later");
            Checks.until("a later event", () -> always.contains(EventType.NodeCreated + " " + base + "/later"));
            Checks.until("the recipe's", () -> recipe.contains(EventType.NodeCreated + " " + base + "/later"));
            client.watchers().removeAll().forPath(base);
            persistent.close();
        }
    }
}
