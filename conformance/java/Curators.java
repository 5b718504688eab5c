import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;

/** What the checks of Curator share: two clients, a path of this run, threads. */
final class Curators {
    static final String ROOT = "/curator-" + Checks.RUN;
    static final RetryOneTime RETRY = new RetryOneTime(100);

    /** Daemons, so that a check that hangs does not keep the process. */
    static final ExecutorService THREADS = Executors.newCachedThreadPool(body -> {
        Thread thread = new Thread(body);
        thread.setDaemon(true);
        return thread;
    });

    static String server;
    static CuratorFramework one;
    static CuratorFramework two;

    private Curators() {}

    static void start(String address) throws Exception {
        server = address;
        one = connect(address);
        two = connect(address);
        one.create().forPath(ROOT);
    }

    static CuratorFramework connect(String address) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder()
            .connectString(address)
            .sessionTimeoutMs(10_000)
            .connectionTimeoutMs(5_000)
            .retryPolicy(RETRY)
            .build();
        client.start();
        Checks.that("a session with " + address, client.blockUntilConnected(Checks.SECONDS, TimeUnit.SECONDS));
        return client;
    }

    /** Gives a latch that opens when the client's connection comes to this state. */
    static CountDownLatch reaching(CuratorFramework client, ConnectionState wanted) {
        CountDownLatch reached = new CountDownLatch(1);
        client.getConnectionStateListenable().addListener((ignored, state) -> {
            if (state == wanted) {
                reached.countDown();
            }
        });
        return reached;
    }

    static void await(String what, CountDownLatch latch) throws InterruptedException {
        Checks.that(what, latch.await(Checks.SECONDS, TimeUnit.SECONDS));
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] data) {
        return new String(data, StandardCharsets.UTF_8);
    }
}
