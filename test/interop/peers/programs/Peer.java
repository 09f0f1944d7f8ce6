import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** The peer "java": takes orders as peers/program.ts tells, and talks through JSSE. */
public final class Peer {
    private static final int CHUNK = 16384;
    private static final char[] PASSWORD = "interop".toCharArray();
    private static final Map<String, SSLServerSocket> listeners = new ConcurrentHashMap<>();

    private interface Work {
        void run() throws Exception;
    }

    public static void main(String[] args) throws IOException {
        for (String word : args) { // security properties, which the command line cannot set
            String[] pair = word.split("=", 2);
            Security.setProperty(pair[0], pair[1]);
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            Map<String, String> o = new HashMap<>();
            for (int i = 2; i < words.length; i++) {
                String[] pair = words[i].split("=", 2);
                o.put(pair[0], pair[1]);
            }
            String id = words[0];
            switch (words[1]) {
                case "serve" -> start(id, () -> serve(id, o));
                case "connect" -> start(id, () -> connect(id, o));
                default -> {
                    SSLServerSocket listener = listeners.remove(id);
                    if (listener != null) listener.close();
                }
            }
        }
        System.exit(0);
    }

    private static void start(String id, Work work) {
        new Thread(() -> attempt(id, work)).start();
    }

    private static void attempt(String id, Work work) {
        try {
            work.run();
        } catch (Exception e) {
            say(id, "error", String.valueOf(e).replace('\n', ' '));
        }
    }

    private static synchronized void say(String id, String word, String text) {
        System.out.println(id + " " + word + " " + text);
        System.out.flush();
    }

    private static Certificate certificate(String file) throws GeneralSecurityException, IOException {
        byte[] pem = Files.readAllBytes(Path.of(file));
        return CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(pem));
    }

    private static PrivateKey key(String file, String algorithm) throws GeneralSecurityException, IOException {
        String pem = Files.readString(Path.of(file)).replaceAll("-----[^-]*-----|\\s", "");
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    }

    private static SSLContext context(Map<String, String> o) throws GeneralSecurityException, IOException {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("ca", certificate(o.get("ca")));
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted);
        KeyStore own = KeyStore.getInstance("PKCS12");
        own.load(null, null);
        if (o.containsKey("cert")) {
            Certificate leaf = certificate(o.get("cert"));
            PrivateKey key = key(o.get("key"), leaf.getPublicKey().getAlgorithm());
            own.setKeyEntry("own", key, PASSWORD, new Certificate[] {leaf});
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(own, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    private static SSLParameters parameters(SSLParameters p, Map<String, String> o) {
        p.setProtocols(new String[] {"TLSv" + o.get("version")});
        if (o.containsKey("suite")) p.setCipherSuites(new String[] {o.get("suite")});
        if (o.containsKey("alpn")) p.setApplicationProtocols(new String[] {o.get("alpn")});
        return p;
    }

    /** Nothing but a close_notify may come, and one is sent. */
    private static void finish(SSLSocket socket, boolean weClose) throws IOException {
        if (weClose) socket.shutdownOutput();
        if (socket.getInputStream().read() >= 0) throw new IOException("bytes after the payload");
        if (!weClose) socket.shutdownOutput();
    }

    private static void report(String id, SSLSocket socket, Map<String, String> o, long started, int bytes)
            throws IOException {
        SSLSession session = socket.getSession();
        // JSSE does not tell, but a resumed session keeps the time it was made
        int resumed = session.getCreationTime() < started ? 1 : 0;
        String seen = "version=" + session.getProtocol().substring(4) + " suite=" + session.getCipherSuite()
            + " resumed=" + resumed + " clean=1 bytes=" + bytes;
        if (o.containsKey("alpn")) seen += " alpn=" + socket.getApplicationProtocol();
        if (socket.getUseClientMode() || o.containsKey("clientauth")) {
            X509Certificate peer = (X509Certificate) session.getPeerCertificates()[0];
            seen += " peerCertificate=" + peer.getSubjectX500Principal().getName().replaceAll(".*CN=([^,]*).*", "$1");
        }
        say(id, "report", seen);
    }

    private static void echo(String id, SSLSocket socket, Map<String, String> o) throws IOException {
        long started = System.currentTimeMillis();
        try (socket) {
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            byte[] buffer = new byte[CHUNK];
            int received = 0;
            while (received < Integer.parseInt(o.get("bytes"))) {
                int n = in.read(buffer);
                if (n < 0) throw new IOException("closed after " + received + " bytes");
                received += n;
                out.write(buffer, 0, n);
            }
            finish(socket, o.get("closes").equals("server"));
            report(id, socket, o, started, received);
        }
    }

    private static void serve(String id, Map<String, String> o) throws Exception {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        SSLServerSocket listener =
            (SSLServerSocket) context(o).getServerSocketFactory().createServerSocket(0, 5, loopback);
        SSLParameters p = parameters(listener.getSSLParameters(), o);
        p.setNeedClientAuth(o.containsKey("clientauth"));
        listener.setSSLParameters(p);
        listeners.put(id, listener);
        say(id, "port", String.valueOf(listener.getLocalPort()));
        while (!listener.isClosed()) {
            SSLSocket socket;
            try {
                socket = (SSLSocket) listener.accept();
            } catch (IOException stopped) {
                return;
            }
            attempt(id, () -> echo(id, socket, o));
        }
    }

    private static void connect(String id, Map<String, String> o) throws Exception {
        SSLContext context = context(o);
        byte[] payload = Files.readAllBytes(Path.of(o.get("payload")));
        int port = Integer.parseInt(o.get("port"));
        int connections = Integer.parseInt(o.get("connections"));
        for (int i = 1; i <= connections; i++) {
            long started = System.currentTimeMillis();
            Socket raw = new Socket(InetAddress.getLoopbackAddress(), port);
            try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(raw, "localhost", port, true)) {
                SSLParameters p = parameters(socket.getSSLParameters(), o);
                p.setEndpointIdentificationAlgorithm("HTTPS");
                socket.setSSLParameters(p);
                InputStream in = socket.getInputStream();
                OutputStream out = socket.getOutputStream();
                for (int at = 0; at < payload.length; at += CHUNK) {
                    byte[] part = Arrays.copyOfRange(payload, at, Math.min(at + CHUNK, payload.length));
                    out.write(part);
                    byte[] back = in.readNBytes(part.length);
                    if (back.length < part.length) throw new IOException("closed after " + (at + back.length) + " bytes");
                    if (!Arrays.equals(back, part)) throw new IOException("bytes from " + at + " on came back changed");
                }
                finish(socket, o.get("closes").equals("client"));
                if (i == connections) report(id, socket, o, started, payload.length);
            }
        }
    }
}
