import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.ChildData;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCacheEvent;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.cache.TreeCacheEvent;
import org.apache.curator.framework.state.ConnectionState;

/** Copies of a part of the tree that follow it. */
@SuppressWarnings("deprecation")
final class CuratorCaches {
    private static final String ROOT = Curators.ROOT;

    private CuratorCaches() {}

    static void addTo(Checks checks) {
        checks
            .add("CuratorCache", CuratorCaches::curatorCache)
            .add("CuratorCache through a lost connection", CuratorCaches::curatorCacheAndLoss)
            .add("PathChildrenCache", CuratorCaches::pathChildrenCache)
            .add("TreeCache", CuratorCaches::treeCache)
            .add("NodeCache", CuratorCaches::nodeCache);
    }

    private static void make(String path, String data) throws Exception {
        Curators.one.create().creatingParentsIfNeeded().forPath(path, Curators.bytes(data));
    }

    private static void curatorCache() throws Exception {
        String path = ROOT + "/cache";
        make(path + "/a", "1");
        Set<String> seen = ConcurrentHashMap.newKeySet();
        CountDownLatch initialized = new CountDownLatch(1);
        try (CuratorCache cache = CuratorCache.build(Curators.two, path)) {
            cache.listenable().addListener(CuratorCacheListener.builder()
                .forCreates(node -> seen.add("+" + node.getPath()))
                .forChanges((old, node) -> seen.add(Curators.text(old.getData()) + ">" + Curators.text(node.getData())))
                .forDeletes(node -> seen.add("-" + node.getPath()))
                .forInitialized(initialized::countDown)
                .build());
            cache.start();
            Curators.await("the first copy", initialized);
            Checks.same("nodes", Set.of(path, path + "/a"),
                cache.stream().map(ChildData::getPath).collect(Collectors.toSet()));
            make(path + "/b/c", "2");
            Curators.one.setData().forPath(path + "/a", Curators.bytes("3"));
            Curators.one.delete().deletingChildrenIfNeeded().forPath(path + "/b");
            Set<String> wanted = Set.of("+" + path, "+" + path + "/a", "+" + path + "/b", "+" + path + "/b/c", "1>3",
                "-" + path + "/b/c", "-" + path + "/b");
            // A node that lived for a moment may have been gone before it was read.
            Checks.until("the end of the changes", () -> cache.size() == 2 && seen.contains("1>3"));
            Checks.that("nothing else: " + seen, wanted.containsAll(seen));
            Checks.same("data", "3", Curators.text(cache.get(path + "/a").orElseThrow().getData()));
        }
    }

    private static void curatorCacheAndLoss() throws Exception {
        String path = ROOT + "/cache-loss";
        make(path + "/a", "1");
        try (Door door = new Door(Curators.server); CuratorFramework client = Curators.connect(door.address());
             CuratorCache cache = CuratorCache.build(client, path)) {
            cache.start();
            Checks.until("the first copy", () -> cache.size() == 2);
            CountDownLatch suspended = Curators.reaching(client, ConnectionState.SUSPENDED);
            door.shut();
            Curators.await("the loss", suspended);
            make(path + "/b", "2");
            Curators.one.setData().forPath(path + "/a", Curators.bytes("3"));
            door.open();
            Checks.until("what happened meanwhile", () -> cache.size() == 3
                && Curators.text(cache.get(path + "/a").orElseThrow().getData()).equals("3"));
            Curators.one.delete().forPath(path + "/b");
            Checks.until("what happened afterwards", () -> cache.size() == 2);
        }
    }

    private static void pathChildrenCache() throws Exception {
        String path = ROOT + "/path-cache";
        make(path + "/a", "1");
        Set<PathChildrenCacheEvent.Type> seen = ConcurrentHashMap.newKeySet();
        try (PathChildrenCache cache = new PathChildrenCache(Curators.two, path, true)) {
            cache.getListenable().addListener((client, event) -> seen.add(event.getType()));
            cache.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
            Checks.same("data", "1", Curators.text(cache.getCurrentData(path + "/a").getData()));
            make(path + "/b", "2");
            Checks.until("a child", () -> cache.getCurrentData().size() == 2);
            Curators.one.setData().forPath(path + "/b", Curators.bytes("3"));
            Checks.until("a change", () -> Curators.text(cache.getCurrentData(path + "/b").getData()).equals("3"));
            Curators.one.delete().forPath(path + "/a");
            Checks.until("a deletion", () -> cache.getCurrentData().size() == 1);
            Checks.until("the events", () -> seen.containsAll(Set.of(PathChildrenCacheEvent.Type.CHILD_ADDED,
                PathChildrenCacheEvent.Type.CHILD_UPDATED, PathChildrenCacheEvent.Type.CHILD_REMOVED)));
        }
    }

    private static void treeCache() throws Exception {
        String path = ROOT + "/tree-cache";
        make(path + "/a/b", "1");
        Set<TreeCacheEvent.Type> seen = ConcurrentHashMap.newKeySet();
        try (TreeCache cache = new TreeCache(Curators.two, path)) {
            cache.getListenable().addListener((client, event) -> seen.add(event.getType()));
            cache.start();
            Checks.until("the first copy", () -> seen.contains(TreeCacheEvent.Type.INITIALIZED));
            Checks.same("data", "1", Curators.text(cache.getCurrentData(path + "/a/b").getData()));
            make(path + "/a/c/d", "2");
            Checks.until("new nodes", () -> cache.getCurrentChildren(path + "/a/c").containsKey("d"));
            Curators.one.delete().deletingChildrenIfNeeded().forPath(path + "/a");
            Checks.until("a deletion", () -> cache.getCurrentChildren(path).isEmpty());
            Checks.that("the events", seen.contains(TreeCacheEvent.Type.NODE_REMOVED));
        }
    }

    private static void nodeCache() throws Exception {
        String path = ROOT + "/node-cache";
        try (NodeCache cache = new NodeCache(Curators.two, path)) {
            cache.start(true);
            Checks.same("nothing yet", null, cache.getCurrentData());
            make(path, "1");
            Checks.until("the node", () -> cache.getCurrentData() != null);
            Curators.one.setData().forPath(path, Curators.bytes("2"));
            Checks.until("a change", () -> Curators.text(cache.getCurrentData().getData()).equals("2"));
            Curators.one.delete().forPath(path);
            Checks.until("the deletion", () -> cache.getCurrentData() == null);
        }
    }
}
