package peer;

import org.eclipse.hawkbit.autoconfigure.security.EnableHawkbitManagedSecurityConfiguration;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

@SpringBootApplication
@EnableHawkbitManagedSecurityConfiguration
public class Peer {
    public static void main(String[] args) {
        SpringApplication.run(Peer.class, args);
    }
}
