import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.recipes.queue.BlockingQueueConsumer;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;

/** The kinds of queues. */
final class CuratorQueues {
    private static final String ROOT = Curators.ROOT;

    private static final QueueSerializer<String> TEXT = new QueueSerializer<>() {
        @Override
        public byte[] serialize(String item) {
            return Curators.bytes(item);
        }

        @Override
        public String deserialize(byte[] bytes) {
            return Curators.text(bytes);
        }
    };

    private CuratorQueues() {}

    static void addTo(Checks checks) {
        checks
            .add("DistributedQueue", CuratorQueues::queue)
            .add("DistributedPriorityQueue and DistributedIdQueue", CuratorQueues::priorityAndId)
            .add("DistributedDelayQueue", CuratorQueues::delay)
            .add("SimpleDistributedQueue", CuratorQueues::simple);
    }

    private static BlockingQueueConsumer<String> consumer() {
        return new BlockingQueueConsumer<>((client, state) -> {});
    }

    private static List<String> take(BlockingQueueConsumer<String> consumer, int count) throws Exception {
        List<String> items = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            items.add(consumer.take(Checks.SECONDS, TimeUnit.SECONDS));
        }
        return items;
    }

    private static void queue() throws Exception {
        String path = ROOT + "/queue";
        BlockingQueueConsumer<String> items = consumer();
        DistributedQueue<String> producer = QueueBuilder.<String>builder(Curators.one, null, TEXT, path).buildQueue();
        producer.start();
        List<String> wanted = new ArrayList<>();
        for (int number = 0; number < 20; number++) {
            wanted.add("item " + number);
            producer.put("item " + number);
        }
        Checks.that("all are put", producer.flushPuts(Checks.SECONDS, TimeUnit.SECONDS));
        // With a lock path an item is deleted only when it was consumed.
        DistributedQueue<String> consumer =
            QueueBuilder.builder(Curators.two, items, TEXT, path).lockPath(path + "-locks").buildQueue();
        consumer.start();
        List<String> taken = take(items, 20);
        // Items that are locked one by one are handed to threads and may overtake each other.
        taken.sort((left, right) -> Integer.compare(number(left), number(right)));
        Checks.same("items", wanted, taken);
        Checks.until("an empty queue", () -> Curators.one.getChildren().forPath(path).isEmpty());
        consumer.close();
        producer.close();
    }

    private static int number(String item) {
        return Integer.parseInt(item.substring(item.indexOf(' ') + 1));
    }

    private static void priorityAndId() throws Exception {
        BlockingQueueConsumer<String> items = consumer();
        DistributedPriorityQueue<String> producer =
            QueueBuilder.<String>builder(Curators.one, null, TEXT, ROOT + "/priority").buildPriorityQueue(0);
        producer.start();
        producer.put("late", 9);
        producer.put("early", 1);
        producer.put("middle", 5);
        Checks.that("all are put", producer.flushPuts(Checks.SECONDS, TimeUnit.SECONDS));
        DistributedPriorityQueue<String> queue =
            QueueBuilder.builder(Curators.two, items, TEXT, ROOT + "/priority").buildPriorityQueue(0);
        queue.start();
        Checks.same("by priority", List.of("early", "middle", "late"), take(items, 3));
        queue.close();
        producer.close();

        DistributedIdQueue<String> named =
            QueueBuilder.<String>builder(Curators.one, null, TEXT, ROOT + "/named").buildIdQueue();
        named.start();
        named.put("one", "id-1");
        named.put("two", "id-2");
        named.put("three", "id-1");
        Checks.that("all are put", named.flushPuts(Checks.SECONDS, TimeUnit.SECONDS));
        Checks.same("removed", 2, named.remove("id-1"));
        Checks.same("left", 1, Curators.two.getChildren().forPath(ROOT + "/named").size());
        named.close();
    }

    private static void delay() throws Exception {
        BlockingQueueConsumer<String> items = consumer();
        DistributedDelayQueue<String> queue =
            QueueBuilder.builder(Curators.one, items, TEXT, ROOT + "/delay").buildDelayQueue();
        queue.start();
        long now = System.currentTimeMillis();
        queue.put("second", now + 600);
        queue.put("first", now + 300);
        Checks.same("in the order of their times", List.of("first", "second"), take(items, 2));
        Checks.that("not before their time", System.currentTimeMillis() >= now + 600);
        queue.close();
    }

    private static void simple() throws Exception {
        SimpleDistributedQueue mine = new SimpleDistributedQueue(Curators.one, ROOT + "/simple");
        SimpleDistributedQueue other = new SimpleDistributedQueue(Curators.two, ROOT + "/simple");
        Future<byte[]> waiting = Curators.THREADS.submit(other::take);
        mine.offer(Curators.bytes("1"));
        Checks.same("taken", "1", Curators.text(waiting.get(Checks.SECONDS, TimeUnit.SECONDS)));
        mine.offer(Curators.bytes("2"));
        mine.offer(Curators.bytes("3"));
        Checks.same("looked at", "2", Curators.text(other.peek()));
        Checks.same("taken", "2", Curators.text(mine.poll(Checks.SECONDS, TimeUnit.SECONDS)));
        Checks.same("removed", "3", Curators.text(other.remove()));
        Checks.same("nothing left", null, mine.poll());
    }
}
