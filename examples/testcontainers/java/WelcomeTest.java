// The mails of an application, caught in a container. Dependencies for tests (Maven coordinates):
// org.testcontainers:testcontainers, org.testcontainers:junit-jupiter, org.junit.jupiter:junit-jupiter,
// org.eclipse.angus:angus-mail
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jakarta.mail.Message;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.junit.jupiter.Container;
import org.testcontainers.junit.jupiter.Testcontainers;

@Testcontainers
class WelcomeTest {
    static final int SMTP_PORT = 1025;
    static final int HTTP_PORT = 8025;

    @Container
    static final GenericContainer<?> MAIL = new GenericContainer<>("smtptest")
            .withEnv("SMTPTEST_SERVE_DATABASE", "memory:")
            .withExposedPorts(SMTP_PORT, HTTP_PORT)
            .waitingFor(Wait.forHttp("/readyz").forPort(HTTP_PORT).forStatusCode(200));

    /** Your application. */
    static void signup(String address) throws Exception {
        Properties settings = new Properties();
        settings.put("mail.smtp.host", MAIL.getHost());
        settings.put("mail.smtp.port", String.valueOf(MAIL.getMappedPort(SMTP_PORT)));
        MimeMessage message = new MimeMessage(Session.getInstance(settings));
        message.setFrom(new InternetAddress("app@example.com"));
        message.setRecipient(Message.RecipientType.TO, new InternetAddress(address));
        message.setSubject("Welcome");
        message.setText("Your code is 123456");
        Transport.send(message);
    }

    @Test
    void welcomeMailHasASubject() throws Exception {
        signup("ann@example.com");

        // The server answers when the mail is there, or with 404 after 10 seconds and the reason.
        String query = URLEncoder.encode("to:=ann@example.com subject:Welcome", StandardCharsets.UTF_8);
        URI uri = URI.create("http://%s:%d/api/v1/wait?timeout=10&query=%s"
                .formatted(MAIL.getHost(), MAIL.getMappedPort(HTTP_PORT), query));
        HttpResponse<String> response = HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());

        assertEquals(200, response.statusCode(), response.body());
        assertTrue(response.body().contains("\"Subject\":\"Welcome\""), response.body());
    }
}
