/* A LwM2M server made of Leshan's published library. It says what happens, and does what a line of its input asks for. */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Collection;

import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.DiscoverRequest;
import org.eclipse.leshan.core.request.ExecuteRequest;
import org.eclipse.leshan.core.request.ObserveRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.request.WriteRequest;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.server.californium.LeshanServer;
import org.eclipse.leshan.server.californium.LeshanServerBuilder;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;
import org.eclipse.leshan.core.util.Hex;

public class Manager {
    static final long WAIT_MS = 60000;

    static void say(String text) {
        System.out.println(text);
        System.out.flush();
    }

    static String text(LwM2mNode node) {
        return node instanceof LwM2mSingleResource ? "" + ((LwM2mSingleResource) node).getValue() : "" + node;
    }

    /** usage: Manager [ENDPOINT IDENTITY KEY] */
    public static void main(String[] args) {
        try {
            serve(args);
        } catch (Exception error) { // its threads would keep the program
            error.printStackTrace();
            System.exit(1);
        }
    }

    static void serve(String[] args) throws Exception {
        LeshanServerBuilder builder = new LeshanServerBuilder();
        builder.setLocalAddress("127.0.0.1", 0);
        builder.setLocalSecureAddress("127.0.0.1", 0);
        InMemorySecurityStore store = new InMemorySecurityStore();
        if (args.length == 3) {
            store.add(SecurityInfo.newPreSharedKeyInfo(args[0], args[1], Hex.decodeHex(args[2].toCharArray())));
        }
        builder.setSecurityStore(store);
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
                say("unregistered " + registration.getEndpoint() + " " + expired);
            }
        });
        server.getObservationService().addListener(new ObservationListener() {
            public void newObservation(Observation observation, Registration registration) {
                say("observing " + observation.getPath());
            }

            public void cancelled(Observation observation) {
            }

            public void onResponse(Observation observation, Registration registration, ObserveResponse response) {
                say("notified " + observation.getPath() + " " + text(response.getContent()));
            }

            public void onError(Observation observation, Registration registration, Exception error) {
                say("error " + error);
            }
        });
        server.start();
        say("listening " + server.getUnsecuredAddress().getPort() + " " + server.getSecuredAddress().getPort());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            Registration to = server.getRegistrationService().getByEndpoint(words[1]);
            String path = words[2];
            String answer = "?";
            if (words[0].equals("read")) {
                // of several values Leshan 1.5 reads TLV, but not the SenML that a client of LwM2M 1.1 answers with by itself
                boolean many = path.split("/").length < 4;
                ReadResponse response = server.send(to, many ? new ReadRequest(ContentFormat.TLV, path) : new ReadRequest(path),
                        WAIT_MS);
                answer = response == null ? "none" : response.getCode() + " " + text(response.getContent());
            } else if (words[0].equals("observe")) {
                answer = "" + server.send(to, new ObserveRequest(path), WAIT_MS).getCode();
            } else if (words[0].equals("execute")) {
                answer = "" + server.send(to, new ExecuteRequest(path), WAIT_MS).getCode();
            } else if (words[0].equals("discover")) {
                answer = "" + server.send(to, new DiscoverRequest(path), WAIT_MS).getCode();
            } else if (words[0].equals("write")) {
                String[] ids = path.substring(1).split("/");
                answer = "" + server.send(to, new WriteRequest(Integer.parseInt(ids[0]), Integer.parseInt(ids[1]),
                        Integer.parseInt(ids[2]), Long.parseLong(words[3])), WAIT_MS).getCode();
            }
            say(words[0] + " " + path + " " + answer);
        }
        server.destroy();
    }
}
