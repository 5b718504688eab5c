import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.CachedAtomicLong;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.atomic.PromotedToLock;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedCountListener;
import org.apache.curator.framework.recipes.shared.SharedCountReader;
import org.apache.curator.framework.recipes.shared.SharedValue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.data.Stat;

/** Nodes that are kept there, members of a group, numbers that several share. */
final class CuratorNodes {
    private static final String ROOT = Curators.ROOT;

    private CuratorNodes() {}

    static void addTo(Checks checks) {
        checks
            .add("PersistentNode", CuratorNodes::persistentNode)
            .add("PersistentTtlNode", CuratorNodes::persistentTtlNode)
            .add("GroupMember", CuratorNodes::groupMember)
            .add("SharedCount and SharedValue", CuratorNodes::shared)
            .add("DistributedAtomicLong", CuratorNodes::atomic);
    }

    private static void persistentNode() throws Exception {
        String path = ROOT + "/persistent-node";
        try (Door door = new Door(Curators.server); CuratorFramework client = Curators.connect(door.address());
             PersistentNode node = new PersistentNode(client, CreateMode.EPHEMERAL, false, path, Curators.bytes("1"))) {
            node.start();
            Checks.that("made", node.waitForInitialCreate(Checks.SECONDS, TimeUnit.SECONDS));
            long first = Curators.one.checkExists().forPath(path).getCzxid();
            Curators.one.delete().forPath(path);
            Checks.until("made again", () -> {
                Stat stat = Curators.one.checkExists().forPath(path);
                return stat != null && stat.getCzxid() > first;
            });
            node.setData(Curators.bytes("2"));
            Checks.until("new data", () -> Curators.text(Curators.one.getData().forPath(path)).equals("2"));
            CountDownLatch suspended = Curators.reaching(client, ConnectionState.SUSPENDED);
            CountDownLatch back = Curators.reaching(client, ConnectionState.RECONNECTED);
            door.shut();
            Curators.await("the loss", suspended);
            Curators.one.delete().forPath(path);
            door.open();
            Curators.await("the reconnect", back);
            Checks.until("made a third time", () -> Curators.one.checkExists().forPath(path) != null);
        }
        Checks.same("gone with its owner", null, Curators.one.checkExists().forPath(path));
    }

    private static void persistentTtlNode() throws Exception {
        String path = ROOT + "/ttl-node";
        PersistentTtlNode node = new PersistentTtlNode(Curators.one, path, 600, Curators.bytes("1"));
        node.start();
        Checks.that("made", node.waitForInitialCreate(Checks.SECONDS, TimeUnit.SECONDS));
        String child = path + "/" + PersistentTtlNode.DEFAULT_CHILD_NODE_NAME;
        // The child is touched before its time is over, which keeps the parent.
        Checks.until("touched twice", () -> {
            Stat stat = Curators.two.checkExists().forPath(child);
            return stat != null && stat.getVersion() >= 2;
        });
        Checks.that("still there", Curators.two.checkExists().forPath(path) != null);
        node.close();
        Checks.until("gone when nobody touches it", () -> Curators.two.checkExists().forPath(path) == null);
    }

    private static void groupMember() throws Exception {
        String path = ROOT + "/group";
        GroupMember first = new GroupMember(Curators.one, path, "first", Curators.bytes("1"));
        GroupMember second = new GroupMember(Curators.two, path, "second", Curators.bytes("2"));
        first.start();
        second.start();
        Checks.until("both see both", () -> first.getCurrentMembers().keySet().equals(Set.of("first", "second"))
            && second.getCurrentMembers().keySet().equals(Set.of("first", "second")));
        first.setThisData(Curators.bytes("3"));
        Checks.until("new data", () -> Curators.text(second.getCurrentMembers().get("first")).equals("3"));
        first.close();
        Checks.until("one is gone", () -> second.getCurrentMembers().keySet().equals(Set.of("second")));
        second.close();
    }

    private static void shared() throws Exception {
        String path = ROOT + "/shared-count";
        try (SharedCount mine = new SharedCount(Curators.one, path, 5);
             SharedCount other = new SharedCount(Curators.two, path, 5);
             SharedValue value = new SharedValue(Curators.two, ROOT + "/shared-value", Curators.bytes("seed"))) {
            AtomicInteger told = new AtomicInteger();
            other.addListener(new SharedCountListener() {
                @Override
                public void countHasChanged(SharedCountReader reader, int count) {
                    told.set(count);
                }

                @Override
                public void stateChanged(CuratorFramework client, ConnectionState state) {}
            });
            mine.start();
            other.start();
            Checks.same("seed", 5, mine.getCount());
            mine.setCount(7);
            Checks.until("the other one knows", () -> other.getCount() == 7 && told.get() == 7);
            var old = other.getVersionedValue();
            Checks.that("set by the other", other.trySetCount(old, 8));
            Checks.that("not twice from the same", !other.trySetCount(old, 9));
            Checks.until("mine follows", () -> mine.getCount() == 8);
            value.start();
            Checks.same("value", "seed", Curators.text(value.getValue()));
        }
    }

    private static void atomic() throws Exception {
        String path = ROOT + "/atomic";
        PromotedToLock lock = PromotedToLock.builder().lockPath(path + "-lock").timeout(Checks.SECONDS, TimeUnit.SECONDS)
            .retryPolicy(Curators.RETRY).build();
        Callable<Void> count = () -> {
            DistributedAtomicLong number = new DistributedAtomicLong(Curators.two, path, Curators.RETRY, lock);
            for (int round = 0; round < 20; round++) {
                Checks.that("counted", number.increment().succeeded());
            }
            return null;
        };
        for (Future<Void> task : List.of(Curators.THREADS.submit(count), Curators.THREADS.submit(count))) {
            task.get(Checks.SECONDS, TimeUnit.SECONDS);
        }
        DistributedAtomicLong number = new DistributedAtomicLong(Curators.one, path, Curators.RETRY);
        Checks.same("sum", 40L, number.get().postValue());
        Checks.same("subtract", 35L, number.subtract(5L).postValue());
        Checks.that("compare and set", number.compareAndSet(35L, 100L).succeeded());
        AtomicValue<Long> stale = number.compareAndSet(35L, 1L);
        Checks.that("not from an old value", !stale.succeeded());
        CachedAtomicLong cached = new CachedAtomicLong(number, 10);
        Checks.same("the first of ten", 101L, cached.next().postValue());
        Checks.same("the second of ten", 102L, cached.next().postValue());
        Checks.same("ten were taken at once", 110L, number.get().postValue());
    }
}
