import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;

/** Locks, semaphores and barriers. */
final class CuratorLocks {
    private static final String ROOT = Curators.ROOT;

    private CuratorLocks() {}

    static void addTo(Checks checks) {
        checks
            .add("InterProcessMutex", CuratorLocks::mutex)
            .add("InterProcessMutex of a client that ends", CuratorLocks::mutexOfOneThatEnds)
            .add("InterProcessReadWriteLock", CuratorLocks::readWriteLock)
            .add("InterProcessMultiLock and InterProcessSemaphoreMutex", CuratorLocks::multiLock)
            .add("InterProcessSemaphoreV2", CuratorLocks::semaphore)
            .add("DistributedBarrier and DistributedDoubleBarrier", CuratorLocks::barriers);
    }

    private static boolean now(InterProcessLock lock) throws Exception {
        return lock.acquire(0, TimeUnit.MILLISECONDS);
    }

    private static void mutex() throws Exception {
        String path = ROOT + "/mutex";
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        List<Future<?>> workers = new ArrayList<>();
        for (CuratorFramework client : List.of(Curators.one, Curators.two, Curators.one, Curators.two)) {
            workers.add(Curators.THREADS.submit(() -> {
                InterProcessMutex lock = new InterProcessMutex(client, path);
                for (int round = 0; round < 5; round++) {
                    lock.acquire();
                    most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                    // The lock can be taken again by the thread that has it.
                    lock.acquire();
                    lock.release();
                    inside.decrementAndGet();
                    lock.release();
                }
                return null;
            }));
        }
        for (Future<?> worker : workers) {
            worker.get(Checks.SECONDS, TimeUnit.SECONDS);
        }
        Checks.same("most inside", 1, most.get());
        InterProcessMutex holder = new InterProcessMutex(Curators.one, path);
        CountDownLatch asked = new CountDownLatch(1);
        holder.makeRevocable(lock -> asked.countDown(), Curators.THREADS);
        holder.acquire();
        InterProcessMutex other = new InterProcessMutex(Curators.two, path);
        Checks.that("held by one", !other.acquire(200, TimeUnit.MILLISECONDS));
        Checks.same("participants", 1, holder.getParticipantNodes().size());
        Revoker.attemptRevoke(Curators.two, holder.getParticipantNodes().iterator().next());
        Curators.await("the holder is asked to give up", asked);
        holder.release();
        Checks.that("free", now(other));
        other.release();
    }

    private static void mutexOfOneThatEnds() throws Exception {
        String path = ROOT + "/mutex-ends";
        CuratorFramework client = Curators.connect(Curators.server);
        new InterProcessMutex(client, path).acquire();
        InterProcessMutex next = new InterProcessMutex(Curators.one, path);
        Checks.that("held", !now(next));
        Future<Boolean> waiting = Curators.THREADS.submit(() -> {
            boolean got = next.acquire(Checks.SECONDS, TimeUnit.SECONDS);
            next.release();
            return got;
        });
        Checks.until("the next one waits", () -> next.getParticipantNodes().size() == 2);
        client.close();
        Checks.that("the next one has it", waiting.get(Checks.SECONDS, TimeUnit.SECONDS));
    }

    private static void readWriteLock() throws Exception {
        String path = ROOT + "/read-write";
        InterProcessReadWriteLock mine = new InterProcessReadWriteLock(Curators.one, path);
        InterProcessReadWriteLock other = new InterProcessReadWriteLock(Curators.two, path);
        Checks.that("two readers", now(mine.readLock()) && now(other.readLock()));
        Checks.that("no writer", !other.writeLock().acquire(100, TimeUnit.MILLISECONDS));
        mine.readLock().release();
        other.readLock().release();
        Checks.that("a writer", now(mine.writeLock()));
        Checks.that("the writer may read", now(mine.readLock()));
        Checks.that("nobody else", !other.readLock().acquire(100, TimeUnit.MILLISECONDS));
        mine.writeLock().release();
        Checks.that("now others too", other.readLock().acquire(Checks.SECONDS, TimeUnit.SECONDS));
        mine.readLock().release();
        other.readLock().release();
    }

    private static void multiLock() throws Exception {
        InterProcessLock first = new InterProcessMutex(Curators.one, ROOT + "/multi-lock-1");
        InterProcessLock second = new InterProcessSemaphoreMutex(Curators.one, ROOT + "/multi-lock-2");
        InterProcessMultiLock both = new InterProcessMultiLock(List.of(first, second));
        InterProcessLock one = new InterProcessSemaphoreMutex(Curators.two, ROOT + "/multi-lock-2");
        Checks.that("one of the two", now(one));
        Checks.that("not both", !both.acquire(200, TimeUnit.MILLISECONDS));
        Checks.that("the other was given back", !first.isAcquiredInThisProcess());
        one.release();
        Checks.that("both", both.acquire(Checks.SECONDS, TimeUnit.SECONDS));
        Checks.that("none left", !one.acquire(100, TimeUnit.MILLISECONDS));
        both.release();
    }

    private static void semaphore() throws Exception {
        String path = ROOT + "/semaphore";
        InterProcessSemaphoreV2 mine = new InterProcessSemaphoreV2(Curators.one, path, 3);
        InterProcessSemaphoreV2 other = new InterProcessSemaphoreV2(Curators.two, path, 3);
        List<Lease> leases = new ArrayList<>(mine.acquire(2));
        Lease third = other.acquire(Checks.SECONDS, TimeUnit.SECONDS);
        Checks.that("three leases", third != null && other.getParticipantNodes().size() == 3);
        Checks.that("no fourth", other.acquire(200, TimeUnit.MILLISECONDS) == null);
        Future<Lease> waiting = Curators.THREADS.submit(() -> other.acquire(Checks.SECONDS, TimeUnit.SECONDS));
        mine.returnLease(leases.remove(0));
        Lease fourth = waiting.get(Checks.SECONDS, TimeUnit.SECONDS);
        Checks.that("one came back", fourth != null);
        mine.returnAll(leases);
        other.returnAll(List.of(third, fourth));
        Checks.same("all came back", 0, mine.getParticipantNodes().size());
    }

    private static void barriers() throws Exception {
        DistributedBarrier barrier = new DistributedBarrier(Curators.one, ROOT + "/barrier");
        barrier.setBarrier();
        DistributedBarrier other = new DistributedBarrier(Curators.two, ROOT + "/barrier");
        Checks.that("shut", !other.waitOnBarrier(100, TimeUnit.MILLISECONDS));
        Future<Boolean> waiting = Curators.THREADS.submit(() -> other.waitOnBarrier(Checks.SECONDS, TimeUnit.SECONDS));
        barrier.removeBarrier();
        Checks.that("open", waiting.get(Checks.SECONDS, TimeUnit.SECONDS));

        DistributedDoubleBarrier first = new DistributedDoubleBarrier(Curators.one, ROOT + "/double", 2);
        DistributedDoubleBarrier second = new DistributedDoubleBarrier(Curators.two, ROOT + "/double", 2);
        Future<Boolean> entering = Curators.THREADS.submit(() -> first.enter(Checks.SECONDS, TimeUnit.SECONDS));
        Checks.that("the second", second.enter(Checks.SECONDS, TimeUnit.SECONDS));
        Checks.that("the first", entering.get(Checks.SECONDS, TimeUnit.SECONDS));
        Future<Boolean> leaving = Curators.THREADS.submit(() -> first.leave(Checks.SECONDS, TimeUnit.SECONDS));
        Checks.that("the second left", second.leave(Checks.SECONDS, TimeUnit.SECONDS));
        Checks.that("the first left", leaving.get(Checks.SECONDS, TimeUnit.SECONDS));
    }
}
