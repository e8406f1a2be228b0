// The test asks the REST API for the mail.  The address is new in each run, so that tests can run at the same time.
// It is a program, so that it needs no other library; in a project, its methods are tests of JUnit.
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.springframework.mail.MailSendException;

public class WelcomeMailTest {
    private static final String API =
            System.getenv().getOrDefault("SMTPTEST_API", "http://127.0.0.1:8025") + "/api/v1";
    private final HttpClient http = HttpClient.newHttpClient();
    private final WelcomeMail welcome = new WelcomeMail(WelcomeMail.createSender(System.getenv()));

    private String request(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        check(response.statusCode() == 200, response.body());
        return response.body();
    }

    private String waitForMail(String address) throws Exception {
        String query = URLEncoder.encode("to:=" + address, StandardCharsets.UTF_8);
        return request(HttpRequest.newBuilder(URI.create(API + "/wait?timeout=30&query=" + query)));
    }

    void sendsWelcome() throws Exception {
        String address = "ann-" + UUID.randomUUID() + "@example.com";
        welcome.send(address);

        String mails = waitForMail(address);
        check(mails.contains("\"messages_count\":1"), mails);
        check(mails.contains("\"Subject\":\"Welcome\""), mails);
    }

    void fullMailboxIsAnError() throws Exception {
        String address = "ann-" + UUID.randomUUID() + "@example.com";
        String rule = """
                {"when": "RCPT", "match": {"to": "%s"}, "do": [{"reply": [452, "4.2.2", "Mailbox full"], "times": 1}]}
                """.formatted(address);
        request(HttpRequest.newBuilder(URI.create(API + "/rules"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(rule)));
        try {
            welcome.send(address);
        } catch (MailSendException error) {
            check(error.getMessage().contains("452 4.2.2 Mailbox full"), error.getMessage());
            return;
        }
        throw new AssertionError("the mail was sent to a full mailbox");
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }

    public static void main(String[] arguments) throws Exception {
        WelcomeMailTest test = new WelcomeMailTest();
        test.sendsWelcome();
        test.fullMailboxIsAnError();
        System.out.println("2 tests passed");
    }
}
