import jakarta.mail.Session;
import jakarta.mail.internet.MimeMessage;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A running `smtptest serve`, with the method names of GreenMail. */
public class SmtptestServer {
    // Use the JSON library of your project instead.
    private static final Pattern ID = Pattern.compile("\"ID\"\\s*:\\s*\"(\\w+)\"");

    private final HttpClient http = HttpClient.newHttpClient();
    private final String api;

    public SmtptestServer(String url) {
        api = url + "/api/v1";
    }

    /** Wait until mails to a recipient have arrived; false after the timeout. */
    public boolean waitForIncomingEmail(String recipient, int seconds, int count) throws Exception {
        String query = URLEncoder.encode("recipient:" + recipient, StandardCharsets.UTF_8);
        String path = "/wait?query=" + query + "&timeout=" + seconds + "&count=" + count;
        return call("GET", path, null).statusCode() == 200;
    }

    /** Return the mails to a recipient, the oldest first. */
    public MimeMessage[] getReceivedMessages(String recipient) throws Exception {
        String query = URLEncoder.encode("recipient:" + recipient, StandardCharsets.UTF_8);
        String list = new String(call("GET", "/search?order=asc&query=" + query, null).body(), StandardCharsets.UTF_8);
        Matcher ids = ID.matcher(list);
        List<MimeMessage> messages = new ArrayList<>();
        while (ids.find()) {
            byte[] content = call("GET", "/message/" + ids.group(1) + "/raw", null).body();
            Session session = Session.getInstance(new Properties());
            messages.add(new MimeMessage(session, new ByteArrayInputStream(content)));
        }
        return messages.toArray(new MimeMessage[0]);
    }

    public void purgeEmailFromAllMailboxes() throws Exception {
        call("DELETE", "/messages", null);
    }

    /** Make the server misbehave; GreenMail has no counterpart. */
    public void addRule(String json) throws Exception {
        HttpResponse<byte[]> response = call("POST", "/rules", json);
        if (response.statusCode() >= 300) {
            throw new IllegalArgumentException(new String(response.body(), StandardCharsets.UTF_8));
        }
    }

    private HttpResponse<byte[]> call(String method, String path, String json) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(api + path));
        if (json == null) {
            request.method(method, BodyPublishers.noBody());
        } else {
            request.header("Content-Type", "application/json").method(method, BodyPublishers.ofString(json));
        }
        return http.send(request.build(), BodyHandlers.ofByteArray());
    }
}
