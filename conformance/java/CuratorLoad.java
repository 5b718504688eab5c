import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.data.Stat;

/**
 * Clients of Curator that work on an ensemble while its members are killed, stopped and replaced: CuratorLoad HOSTS.
 * Says {@code ok}, then answers {@code check} and {@code end}, one a line, as {@code ensemble_load.py} does.
 */
final class CuratorLoad {
    private static final String ROOT = "/curator-load";
    private static final int COUNTERS = 3;
    private static final int SECONDS = 60;
    private static final int SESSION_TIMEOUT_MS = 30_000;

    private final CuratorFramework holder;
    private final CuratorFramework watcher;
    private final long[] sessions;
    private final InterProcessMutex mutex;
    private final CuratorCache cache;
    private final AtomicReference<String> seen = new AtomicReference<>("");
    private final List<Counter> counters = new ArrayList<>();
    private int rounds;

    /** Counts a znode up through losses; knows what was acknowledged. Only it writes there. */
    private static final class Counter extends Thread {
        final CuratorFramework client;
        final String path;
        final AtomicInteger acknowledged = new AtomicInteger();
        final AtomicBoolean enough = new AtomicBoolean();
        volatile Throwable error;
        int before;

        Counter(CuratorFramework client, String path) throws Exception {
            this.client = client;
            this.path = path;
            client.create().forPath(path, Curators.bytes("0"));
            setDaemon(true);
            start();
        }

        @Override
        public void run() {
            try {
                while (!enough.get()) {
                    int next = acknowledged.get() + 1;
                    try {
                        client.setData().withVersion(next - 1).forPath(path, Curators.bytes(String.valueOf(next)));
                    } catch (KeeperException.BadVersionException doneBefore) {
                        // The answer was lost, not the write.
                        Stat stat = client.checkExists().forPath(path);
                        Checks.same("version of " + path, next, stat.getVersion());
                    } catch (KeeperException.ConnectionLossException lost) {
                        continue;
                    }
                    acknowledged.set(next);
                }
            } catch (Throwable wrong) {
                error = wrong;
            }
        }
    }

    private CuratorLoad(String hosts) throws Exception {
        holder = connect(hosts);
        watcher = connect(hosts);
        sessions = new long[] {session(holder), session(watcher)};
        holder.create().forPath(ROOT);
        holder.create().withMode(CreateMode.EPHEMERAL).forPath(ROOT + "/alive");
        mutex = new InterProcessMutex(holder, ROOT + "/mutex");
        Checks.that("the mutex is free", mutex.acquire(SECONDS, TimeUnit.SECONDS));
        holder.create().forPath(ROOT + "/cached", Curators.bytes("0"));
        cache = CuratorCache.build(watcher, ROOT + "/cached");
        cache.listenable().addListener(CuratorCacheListener.builder()
            .forCreatesAndChanges((old, node) -> seen.set(Curators.text(node.getData())))
            .build());
        cache.start();
        until("the cache", () -> seen.get().equals("0"));
        for (int number = 0; number < COUNTERS; number++) {
            counters.add(new Counter(connect(hosts), ROOT + "/count-" + number));
        }
    }

    private static CuratorFramework connect(String hosts) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder()
            .connectString(hosts)
            .sessionTimeoutMs(SESSION_TIMEOUT_MS)
            .connectionTimeoutMs(5_000)
            .retryPolicy(new RetryForever(100))
            .build();
        client.start();
        Checks.that("a session", client.blockUntilConnected(SECONDS, TimeUnit.SECONDS));
        return client;
    }

    private static long session(CuratorFramework client) throws Exception {
        return client.getZookeeperClient().getZooKeeper().getSessionId();
    }

    private interface Condition {
        boolean holds() throws Exception;
    }

    private static void until(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (!condition.holds()) {
            Checks.that("within " + SECONDS + " s: " + what, System.nanoTime() < deadline);
            TimeUnit.MILLISECONDS.sleep(10);
        }
    }

    private String check() throws Exception {
        int sum = 0;
        for (Counter counter : counters) {
            until(counter.path + " goes on", () -> counter.error != null || counter.acknowledged.get() > counter.before);
            if (counter.error != null) {
                throw new AssertionError(counter.path, counter.error);
            }
        }
        holder.sync().forPath(ROOT);
        Checks.same("the holder's session", sessions[0], session(holder));
        Checks.same("the watcher's session", sessions[1], session(watcher));
        Stat alive = holder.checkExists().forPath(ROOT + "/alive");
        Checks.that("the ephemeral node is there", alive != null);
        Checks.same("its owner", sessions[0], alive.getEphemeralOwner());
        Checks.that("the mutex is held", mutex.isAcquiredInThisProcess());
        Checks.same("nodes at the mutex", 1, holder.getChildren().forPath(ROOT + "/mutex").size());
        String now = String.valueOf(++rounds);
        holder.setData().forPath(ROOT + "/cached", Curators.bytes(now));
        until("the cache shows " + now, () -> seen.get().equals(now));
        for (Counter counter : counters) {
            int acknowledged = counter.acknowledged.get();
            holder.sync().forPath(counter.path);
            int there = holder.checkExists().forPath(counter.path).getVersion();
            Checks.that(acknowledged + " were acknowledged, " + there + " are there", there >= acknowledged);
            counter.before = acknowledged + 5;
            sum += acknowledged;
        }
        return sum + " counts, sessions, mutex and cache as they were";
    }

    private String end() throws Exception {
        String said = check();
        for (Counter counter : counters) {
            counter.enough.set(true);
            counter.join(TimeUnit.SECONDS.toMillis(SECONDS));
            Checks.that(counter.path + " ends", !counter.isAlive() && counter.error == null);
            Checks.same(counter.path, counter.acknowledged.get(), holder.checkExists().forPath(counter.path).getVersion());
            counter.client.close();
        }
        mutex.release();
        cache.close();
        holder.close();
        watcher.close();
        return said;
    }

    public static void main(String[] arguments) throws Exception {
        try {
            CuratorLoad load = new CuratorLoad(arguments[0]);
            System.out.println("ok");
            BufferedReader words = new BufferedReader(new InputStreamReader(System.in));
            for (String word = words.readLine(); word != null; word = words.readLine()) {
                boolean last = word.equals("end");
                System.out.println("ok " + (last ? load.end() : load.check()));
                if (last) {
                    break;
                }
            }
        } catch (Throwable error) {
            error.printStackTrace();
            System.out.println("FAILED: " + error);
            // Threads of clients that hang must not keep the process.
            Runtime.getRuntime().halt(1);
        }
        Runtime.getRuntime().halt(0);
    }
}
