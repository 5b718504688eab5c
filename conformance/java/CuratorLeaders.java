import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.leader.Participant;
import org.apache.curator.framework.state.ConnectionState;

/** Who leads, and who leads next. */
final class CuratorLeaders {
    private static final String ROOT = Curators.ROOT;

    private CuratorLeaders() {}

    static void addTo(Checks checks) {
        checks
            .add("LeaderLatch", CuratorLeaders::latch)
            .add("LeaderLatch through a lost connection", CuratorLeaders::latchAndLoss)
            .add("LeaderSelector", CuratorLeaders::selector);
    }

    private static void latch() throws Exception {
        String path = ROOT + "/latch";
        LeaderLatch first = new LeaderLatch(Curators.one, path, "first");
        LeaderLatch second = new LeaderLatch(Curators.two, path, "second");
        first.start();
        Checks.that("the first leads", first.await(Checks.SECONDS, TimeUnit.SECONDS));
        second.start();
        Checks.until("two participants", () -> first.getParticipants().size() == 2);
        Set<String> ids = second.getParticipants().stream().map(Participant::getId).collect(Collectors.toSet());
        Checks.same("their ids", Set.of("first", "second"), ids);
        Checks.same("the leader", "first", second.getLeader().getId());
        Checks.that("one leader", first.hasLeadership() && !second.hasLeadership());
        first.close();
        Checks.that("the second follows", second.await(Checks.SECONDS, TimeUnit.SECONDS));
        second.close();
    }

    private static void latchAndLoss() throws Exception {
        String path = ROOT + "/latch-loss";
        try (Door door = new Door(Curators.server); CuratorFramework client = Curators.connect(door.address())) {
            LeaderLatch latch = new LeaderLatch(client, path);
            latch.start();
            Checks.that("it leads", latch.await(Checks.SECONDS, TimeUnit.SECONDS));
            CountDownLatch suspended = Curators.reaching(client, ConnectionState.SUSPENDED);
            door.shut();
            Curators.await("the loss", suspended);
            Checks.until("no leader without a connection", () -> !latch.hasLeadership());
            door.open();
            Checks.that("it leads again", latch.await(Checks.SECONDS, TimeUnit.SECONDS));
            latch.close();
        }
    }

    /** Leads until it is told to stop. */
    private static final class Leading extends LeaderSelectorListenerAdapter {
        final CountDownLatch leads = new CountDownLatch(1);
        final CountDownLatch enough = new CountDownLatch(1);

        @Override
        public void takeLeadership(CuratorFramework client) throws Exception {
            leads.countDown();
            enough.await();
        }
    }

    private static void selector() throws Exception {
        String path = ROOT + "/selector";
        Leading first = new Leading();
        Leading second = new Leading();
        LeaderSelector one = new LeaderSelector(Curators.one, path, first);
        LeaderSelector two = new LeaderSelector(Curators.two, path, second);
        one.setId("one");
        two.setId("two");
        one.start();
        Curators.await("the first leads", first.leads);
        two.start();
        Checks.until("two participants", () -> two.getParticipants().size() == 2);
        Checks.same("the leader", "one", two.getLeader().getId());
        Checks.that("one leader", one.hasLeadership() && !two.hasLeadership());
        first.enough.countDown();
        Curators.await("the second follows", second.leads);
        Checks.until("the first has left", () -> two.getParticipants().size() == 1);
        one.close();
        two.interruptLeadership();
        Checks.until("the second has left", () -> two.getParticipants().isEmpty());
        two.close();
    }
}
