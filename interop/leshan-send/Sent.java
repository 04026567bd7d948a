/* A LwM2M server made of Leshan's published library for LwM2M 1.1, which knows Send. It says what was sent to it, and writes what a
 * line of its input asks for. */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.Map;

import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.node.TimestampedLwM2mNodes;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.SendRequest;
import org.eclipse.leshan.core.request.WriteRequest;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.server.californium.endpoint.CaliforniumServerEndpointsProvider;
import org.eclipse.leshan.server.californium.endpoint.coap.CoapServerProtocolProvider;
import org.eclipse.leshan.server.californium.endpoint.coaps.CoapsServerProtocolProvider;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;
import org.eclipse.leshan.server.send.SendListener;

public class Sent {
    static final long WAIT_MS = 60000;

    static synchronized void say(String text) {
        System.out.println(text);
        System.out.flush();
    }

    static String text(LwM2mNode node) {
        return node instanceof LwM2mSingleResource ? "" + ((LwM2mSingleResource) node).getValue() : "" + node;
    }

    /** usage: Sent [ENDPOINT IDENTITY KEY] */
    public static void main(String[] args) {
        try {
            serve(args);
        } catch (Exception error) { // its threads would keep the program
            error.printStackTrace();
            System.exit(1);
        }
    }

    static void serve(String[] args) throws Exception {
        InMemorySecurityStore store = new InMemorySecurityStore();
        if (args.length == 3) {
            store.add(SecurityInfo.newPreSharedKeyInfo(args[0], args[1], Hex.decodeHex(args[2].toCharArray())));
        }
        LeshanServerBuilder builder = new LeshanServerBuilder();
        builder.setSecurityStore(store);
        builder.setEndpointsProviders(new CaliforniumServerEndpointsProvider.Builder(new CoapServerProtocolProvider(),
                new CoapsServerProtocolProvider())
                .addEndpoint(new InetSocketAddress("127.0.0.1", 0), Protocol.COAP)
                .addEndpoint(new InetSocketAddress("127.0.0.1", 0), Protocol.COAPS).build());
        LeshanServer server = builder.build();
        server.getRegistrationService().addListener(new RegistrationListener() {
            public void registered(Registration registration, Registration previous, Collection<Observation> ended) {
                say("registered " + registration.getEndpoint() + " " + registration.getLwM2mVersion());
            }

            public void updated(RegistrationUpdate update, Registration now, Registration previous) {
                say("updated " + now.getEndpoint());
            }

            public void unregistered(Registration registration, Collection<Observation> ended, boolean expired,
                    Registration next) {
            }
        });
        server.getSendService().addListener(new SendListener() {
            public void dataReceived(Registration from, TimestampedLwM2mNodes data, SendRequest request) {
                StringBuilder all = new StringBuilder("sent " + from.getEndpoint());
                for (Map.Entry<LwM2mPath, LwM2mNode> one : data.getNodes().entrySet()) {
                    all.append(" ").append(one.getKey()).append("=").append(text(one.getValue()).replace(' ', '_'));
                }
                say(all.toString());
            }

            public void onError(Registration from, String message, Exception error) {
                say("refused " + message + " " + error);
            }
        });
        server.start();
        say("listening " + server.getEndpoint(Protocol.COAP).getURI().getPort() + " "
                + server.getEndpoint(Protocol.COAPS).getURI().getPort());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" "); // write ENDPOINT PATH VALUE
            Registration to = server.getRegistrationService().getByEndpoint(words[1]);
            String[] ids = words[2].substring(1).split("/");
            WriteRequest request = new WriteRequest(ContentFormat.TEXT, Integer.parseInt(ids[0]), Integer.parseInt(ids[1]),
                    Integer.parseInt(ids[2]), Boolean.parseBoolean(words[3]));
            say(words[0] + " " + words[2] + " " + server.send(to, request, WAIT_MS).getCode());
        }
        server.destroy();
    }
}
