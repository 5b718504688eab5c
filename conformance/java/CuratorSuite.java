/** Apache Curator against a server: CuratorSuite HOST:PORT [PART OF A NAME] */
final class CuratorSuite {
    private CuratorSuite() {}

    public static void main(String[] arguments) throws Exception {
        Curators.start(arguments[0]);
        Checks checks = new Checks();
        CuratorFrameworkChecks.addTo(checks);
        CuratorLocks.addTo(checks);
        CuratorLeaders.addTo(checks);
        CuratorCaches.addTo(checks);
        CuratorNodes.addTo(checks);
        CuratorQueues.addTo(checks);
        checks.runAndExit(arguments.length > 1 ? arguments[1] : "");
    }
}
