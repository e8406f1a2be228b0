import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jakarta.mail.Message;
import jakarta.mail.MessagingException;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.util.Properties;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class WelcomeMailTest {
    // GreenMail: @RegisterExtension static GreenMailExtension greenMail = new GreenMailExtension(ServerSetupTest.SMTP);
    private final SmtptestServer server = new SmtptestServer(System.getenv("SMTPTEST_API"));

    @BeforeEach
    void forgetMails() throws Exception {
        server.purgeEmailFromAllMailboxes();
    }

    /** The code under test. */
    private static void sendWelcome(String to) throws MessagingException {
        Properties settings = new Properties();
        settings.put("mail.smtp.host", System.getenv("SMTP_HOST"));
        settings.put("mail.smtp.port", System.getenv("SMTP_PORT"));
        MimeMessage message = new MimeMessage(Session.getInstance(settings));
        message.setFrom(new InternetAddress("shop@example.com"));
        message.setRecipient(Message.RecipientType.TO, new InternetAddress(to));
        message.setSubject("Welcome to the shop, Zoë", "UTF-8");
        message.setText("Your code is 123456.", "UTF-8");
        Transport.send(message);
    }

    @Test
    void sendsWelcome() throws Exception {
        sendWelcome("zoe@example.com");

        assertTrue(server.waitForIncomingEmail("zoe@example.com", 60, 1));
        MimeMessage[] messages = server.getReceivedMessages("zoe@example.com");
        assertEquals(1, messages.length);
        assertEquals("Welcome to the shop, Zoë", messages[0].getSubject());
        assertEquals("Your code is 123456.", ((String) messages[0].getContent()).trim());
    }

    @Test
    void countsTheMailsOfARecipient() throws Exception {
        sendWelcome("ann@example.com");
        sendWelcome("zoe@example.com");
        sendWelcome("ann@example.com");

        assertTrue(server.waitForIncomingEmail("ann@example.com", 60, 2));
        assertEquals(2, server.getReceivedMessages("ann@example.com").length);
        assertArrayEquals(new MimeMessage[0], server.getReceivedMessages("bob@example.com"));
    }

    @Test
    void reportsAFullMailbox() throws Exception {
        server.addRule("{\"when\": \"RCPT\", \"match\": {\"to\": \"*@full.example\"},"
                + " \"do\": [{\"reply\": [552, \"5.2.2\", \"Mailbox full\"]}]}");

        assertThrows(MessagingException.class, () -> sendWelcome("zoe@full.example"));
    }
}
