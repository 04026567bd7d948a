/* A client made of Californium's published library: one ping, one transfer by Block2, one question whether it is still fresh. */
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Paths;

import org.eclipse.californium.core.CoapClient;
import org.eclipse.californium.core.CoapResponse;
import org.eclipse.californium.core.coap.OptionSet;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.network.config.NetworkConfig;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedSinglePskStore;
import org.eclipse.leshan.core.util.Hex;

public class Fetch {
    private static final int BODY_MAX = 16 << 20;
    private static final long PATIENCE_MS = 60000;

    /** usage: Fetch URI FILE BLOCK_SIZE [IDENTITY KEY [PROXY]] */
    public static void main(String[] args) throws Exception {
        boolean by = args.length > 5;
        CoapEndpoint endpoint = endpoint(Integer.parseInt(args[2]), args.length > 4 ? args : null);
        CoapClient client = new CoapClient(by ? args[5] : args[0]);
        client.setTimeout(PATIENCE_MS);
        client.setEndpoint(endpoint);
        System.out.println("ping " + client.ping());
        CoapResponse whole = client.advanced(get(by ? args[0] : null, null));
        OptionSet options = whole.getOptions();
        byte[] etag = options.getETagCount() == 0 ? null : options.getETags().get(0);
        Files.write(Paths.get(args[1]), whole.getPayload());
        System.out.println("got " + whole.getCode() + " etag " + (etag != null));
        if (etag != null) {
            System.out.println("again " + client.advanced(get(by ? args[0] : null, etag)).getCode());
        }
        endpoint.destroy();
    }

    private static Request get(String proxied, byte[] etag) {
        Request request = Request.newGet();
        if (proxied != null) {
            request.getOptions().setProxyUri(proxied);
        }
        if (etag != null) {
            request.getOptions().addETag(etag);
        }
        return request;
    }

    private static CoapEndpoint endpoint(int blockSize, String[] psk) throws Exception {
        NetworkConfig config = NetworkConfig.createStandardWithoutFile();
        config.setInt(NetworkConfig.Keys.PREFERRED_BLOCK_SIZE, blockSize);
        config.setInt(NetworkConfig.Keys.MAX_MESSAGE_SIZE, blockSize);
        config.setInt(NetworkConfig.Keys.MAX_RESOURCE_BODY_SIZE, BODY_MAX);
        CoapEndpoint.Builder builder = new CoapEndpoint.Builder();
        builder.setNetworkConfig(config);
        if (psk != null) {
            DtlsConnectorConfig.Builder dtls = new DtlsConnectorConfig.Builder();
            dtls.setAddress(new InetSocketAddress(0));
            dtls.setAdvancedPskStore(new AdvancedSinglePskStore(psk[3], Hex.decodeHex(psk[4].toCharArray())));
            builder.setConnector(new DTLSConnector(dtls.build()));
        }
        CoapEndpoint endpoint = builder.build();
        endpoint.start();
        return endpoint;
    }
}
