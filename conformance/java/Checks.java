import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** Runs named checks in order and counts; the first wrong result ends its check. */
final class Checks {
    /** How long anything may take that is waited for. */
    static final int SECONDS = 20;

    /** Part of every name that a run creates, so that runs on one server do not meet. */
    static final String RUN = Long.toHexString(System.nanoTime());

    interface Body {
        void run() throws Exception;
    }

    private record Check(String name, Body body) {}

    private final List<Check> checks = new ArrayList<>();

    Checks add(String name, Body body) {
        checks.add(new Check(name, body));
        return this;
    }

    /** Runs those whose name contains the text and ends the process: exit code 1 when one of them failed. */
    void runAndExit(String wanted) {
        boolean failed = false;
        for (Check check : checks) {
            if (!check.name.contains(wanted)) {
                continue;
            }
            long started = System.nanoTime();
            try {
                check.body.run();
                double took = (System.nanoTime() - started) / 1e9;
                System.out.printf("  ok     %s (%.2f s)%n", check.name, took);
            } catch (Throwable error) {
                failed = true;
                System.out.printf("  FAILED %s%n", check.name);
                error.printStackTrace(System.out);
            }
        }
        System.out.flush();
        // Threads of a client that failed must not keep the process.
        Runtime.getRuntime().halt(failed ? 1 : 0);
    }

    static void same(String what, Object wanted, Object got) {
        if (!Objects.equals(wanted, got)) {
            throw new AssertionError(what + ": got " + got + ", want " + wanted);
        }
    }

    static void that(String what, boolean holds) {
        if (!holds) {
            throw new AssertionError("not so: " + what);
        }
    }

    /** The call must fail with this kind of error. */
    static <E extends Exception> E fails(Class<E> kind, Callable<?> call) throws Exception {
        Object got;
        try {
            got = call.call();
        } catch (Exception error) {
            if (kind.isInstance(error)) {
                return kind.cast(error);
            }
            throw error;
        }
        throw new AssertionError(kind.getSimpleName() + " was expected, got " + got);
    }

    /** Waits until the condition holds. An error in it counts as "not yet" until the time is over. */
    static void until(String what, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        Exception last = null;
        while (true) {
            try {
                if (condition.call()) {
                    return;
                }
                last = null;
            } catch (Exception error) {
                last = error;
            }
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited " + SECONDS + " s for " + what, last);
            }
            TimeUnit.MILLISECONDS.sleep(5);
        }
    }
}
