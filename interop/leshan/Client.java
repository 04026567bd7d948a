/* A device made of Leshan's published client library, with a firmware object of its own: pull by Californium, or push. */
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;

import org.eclipse.californium.core.CoapClient;
import org.eclipse.californium.core.CoapResponse;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.network.config.NetworkConfig;
import org.eclipse.leshan.client.californium.LeshanClient;
import org.eclipse.leshan.client.californium.LeshanClientBuilder;
import org.eclipse.leshan.client.object.Device;
import org.eclipse.leshan.client.object.Security;
import org.eclipse.leshan.client.object.Server;
import org.eclipse.leshan.client.resource.BaseInstanceEnabler;
import org.eclipse.leshan.client.resource.ObjectsInitializer;
import org.eclipse.leshan.client.servers.ServerIdentity;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.core.response.ExecuteResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.response.WriteResponse;
import org.eclipse.leshan.core.util.Hex;

public class Client {
    /** usage: Client URI ENDPOINT FILE pull|push [bootstrap|psk IDENTITY KEY] */
    public static void main(String[] args) throws Exception {
        Path file = Paths.get(args[2]);
        ObjectsInitializer objects = new ObjectsInitializer();
        String mode = args.length > 4 ? args[4] : "nosec";
        if (mode.equals("nosec")) {
            objects.setInstancesForObject(0, Security.noSec(args[0], 123));
        } else {
            byte[] identity = args[5].getBytes();
            byte[] key = Hex.decodeHex(args[6].toCharArray());
            objects.setInstancesForObject(0, mode.equals("psk") ? Security.psk(args[0], 123, identity, key)
                                                               : Security.pskBootstrap(args[0], identity, key));
        }
        if (mode.equals("bootstrap")) {
            objects.setClassForObject(1, Server.class);
        } else {
            objects.setInstancesForObject(1, new Server(123, 60, BindingMode.U, false));
        }
        Firmware firmware = new Firmware(file, args[3].equals("pull"));
        objects.setInstancesForObject(3, new Thing(firmware));
        objects.setInstancesForObject(5, firmware);
        LeshanClientBuilder builder = new LeshanClientBuilder(args[1]);
        NetworkConfig config = LeshanClientBuilder.createDefaultNetworkConfig();
        config.setInt(NetworkConfig.Keys.MAX_RESOURCE_BODY_SIZE, 16 << 20);
        builder.setCoapConfig(config);
        builder.setObjects(objects.createAll());
        LeshanClient client = builder.build();
        client.start();
        while (System.in.read() >= 0) {
        }
        client.stop(true);
    }

    public static class Thing extends Device {
        private Firmware firmware;
        private int battery = 90;

        public Thing() {
        }

        Thing(Firmware firmware) {
            super("Leshan", "interop", "1", "U");
            this.firmware = firmware;
            Thread drain = new Thread(() -> {
                try {
                    while (true) {
                        Thread.sleep(300);
                        battery = battery > 1 ? battery - 1 : 90;
                        fireResourcesChange(9);
                    }
                } catch (InterruptedException end) {
                    return;
                }
            });
            drain.setDaemon(true);
            drain.start();
        }

        @Override
        public ReadResponse read(ServerIdentity who, int id) {
            return id == 9   ? ReadResponse.success(9, battery)
                   : id == 3 ? ReadResponse.success(3, firmware.version)
                             : super.read(who, id);
        }

        @Override
        public ExecuteResponse execute(ServerIdentity who, int id, String arguments) {
            System.out.println("execute " + id);
            return ExecuteResponse.success();
        }

        @Override
        public java.util.List<Integer> getAvailableResourceIds(ObjectModel model) {
            return java.util.Arrays.asList(0, 1, 2, 3, 4, 9, 16);
        }
    }

    public static class Firmware extends BaseInstanceEnabler {
        private Path file;
        private boolean pull;
        private long state;
        private long result;
        private String uri = "";
        String version = "0.9";

        public Firmware() {
        }

        Firmware(Path file, boolean pull) {
            this.file = file;
            this.pull = pull;
        }

        private void become(long state, long result) {
            this.state = state;
            this.result = result;
            fireResourcesChange(3, 5);
        }

        @Override
        public ReadResponse read(ServerIdentity who, int id) {
            switch (id) {
            case 1:
                return ReadResponse.success(1, uri);
            case 3:
                return ReadResponse.success(3, state);
            case 5:
                return ReadResponse.success(5, result);
            case 9:
                return ReadResponse.success(9, pull ? 0L : 1L);
            default:
                return ReadResponse.notFound();
            }
        }

        @Override
        public WriteResponse write(ServerIdentity who, int id, LwM2mResource value) {
            if (id == 0) {
                byte[] bytes = (byte[]) value.getValue();
                try {
                    Files.write(file, bytes);
                } catch (java.io.IOException failed) {
                    return WriteResponse.internalServerError(failed.getMessage());
                }
                become(bytes.length == 1 && bytes[0] == 0 ? 0 : 2, 0);
                return WriteResponse.success();
            }
            if (id == 1) {
                uri = (String) value.getValue();
                if (uri.isEmpty()) {
                    become(0, 0);
                } else {
                    become(1, 0);
                    new Thread(this::fetch).start();
                }
                return WriteResponse.success();
            }
            return WriteResponse.notFound();
        }

        private void fetch() {
            try {
                NetworkConfig config = new NetworkConfig();
                config.setInt(NetworkConfig.Keys.MAX_RESOURCE_BODY_SIZE, 16 << 20);
                CoapClient client = new CoapClient(uri);
                client.setEndpoint(new CoapEndpoint.Builder().setNetworkConfig(config).build());
                client.setTimeout(60000L);
                CoapResponse got = client.get();
                if (got == null || !got.isSuccess()) {
                    System.out.println("fetch failed " + (got == null ? "" : got.getCode()));
                    become(0, 4);
                    return;
                }
                Files.write(file, got.getPayload());
                become(2, 0);
            } catch (Exception failed) {
                System.out.println("fetch failed " + failed);
                become(0, 4);
            }
        }

        @Override
        public ExecuteResponse execute(ServerIdentity who, int id, String arguments) {
            if (id != 2 || state != 2) {
                return ExecuteResponse.methodNotAllowed();
            }
            version = "1.0";
            new Thread(() -> {
                become(3, 0);
                become(0, 1);
            }).start();
            return ExecuteResponse.success();
        }

        @Override
        public java.util.List<Integer> getAvailableResourceIds(ObjectModel model) {
            return java.util.Arrays.asList(0, 1, 2, 3, 5, 9);
        }
    }
}
