import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;

/** A way to the server that can be shut: it passes bytes to and fro on a port of its own while it is open. */
final class Door implements AutoCloseable {
    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final List<Socket> sockets = new ArrayList<>();
    private final String host;
    private final int port;
    private boolean open = true;

    /** Leads to {@code host:port}. */
    Door(String server) throws IOException {
        int colon = server.lastIndexOf(':');
        host = server.substring(0, colon);
        port = Integer.parseInt(server.substring(colon + 1));
        start(this::accept);
    }

    /** Where clients connect to. */
    String address() {
        return "127.0.0.1:" + listener.getLocalPort();
    }

    /** Ends every connection and lets nobody in. */
    synchronized void shut() {
        open = false;
        sockets.forEach(Door::end);
        sockets.clear();
    }

    /** Lets clients in again. */
    synchronized void open() {
        open = true;
    }

    @Override
    public void close() throws IOException {
        shut();
        listener.close();
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                enter(listener.accept());
            } catch (IOException gone) {
                // The listener is closed, or the server cannot be reached: the client sees its connection end.
            }
        }
    }

    private synchronized void enter(Socket client) throws IOException {
        if (!open) {
            end(client);
            return;
        }
        Socket server;
        try {
            server = new Socket(host, port);
        } catch (IOException error) {
            end(client);
            throw error;
        }
        sockets.add(client);
        sockets.add(server);
        start(() -> pass(client, server));
        start(() -> pass(server, client));
    }

    private static void pass(Socket from, Socket to) {
        try {
            InputStream in = from.getInputStream();
            in.transferTo(to.getOutputStream());
        } catch (IOException ended) {
            // One side has ended; so does the other.
        }
        end(from);
        end(to);
    }

    private static void end(Socket socket) {
        try {
            socket.close();
        } catch (IOException ignored) {
            // It is closed either way.
        }
    }

    private static void start(Runnable body) {
        Thread thread = new Thread(body);
        thread.setDaemon(true);
        thread.start();
    }
}
