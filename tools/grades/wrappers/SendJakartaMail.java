import com.sun.mail.smtp.SMTPAddressFailedException;
import com.sun.mail.smtp.SMTPSendFailedException;
import jakarta.mail.Message;
import jakarta.mail.MessagingException;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Properties;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Send with Jakarta Mail: a Session with properties, and one connected Transport for all messages. */
class SendJakartaMail {
    public static void main(String[] arguments) throws Exception {
        Session session = Session.getInstance(createProperties());
        String user = System.getenv("SMTP_USERNAME");
        try (Transport transport = session.getTransport("smtp")) {
            if (user.isEmpty()) {
                transport.connect();
            } else {
                transport.connect(user, System.getenv("SMTP_PASSWORD"));
            }
            InternetAddress[] recipients =
                InternetAddress.parse(System.getenv("SMTP_RECIPIENTS").replace(' ', ','));
            for (String file : System.getenv("SMTP_MESSAGES").split(" ")) {
                transport.sendMessage(composeMessage(session, file), recipients);
            }
        } catch (MessagingException error) {
            error.printStackTrace();
            System.exit(isTemporary(error) ? 75 : 1);
        }
    }

    /** Return a new message with the text and the fields of a file. */
    private static MimeMessage composeMessage(Session session, String file) throws Exception {
        MimeMessage original;
        try (InputStream content = new FileInputStream(file)) {
            original = new MimeMessage(session, content);
        }
        String id = original.getMessageID();
        MimeMessage message = new MimeMessage(session) {
            @Override
            protected void updateMessageID() throws MessagingException {
                setHeader("Message-ID", id);
            }
        };
        message.setFrom(original.getFrom()[0]);
        message.setRecipients(Message.RecipientType.TO, original.getRecipients(Message.RecipientType.TO));
        message.setSubject(original.getSubject());
        message.setSentDate(original.getSentDate());
        message.setText((String) original.getContent(), "utf-8");
        message.saveChanges();
        return message;
    }

    private static Properties createProperties() throws Exception {
        String security = System.getenv("SMTP_SECURITY");
        String timeout = String.valueOf((long) (Double.parseDouble(System.getenv("SMTP_TIMEOUT")) * 1000));
        Properties properties = new Properties();
        properties.put("mail.smtp.host", System.getenv("SMTP_HOST"));
        properties.put("mail.smtp.port", System.getenv("SMTP_PORT"));
        properties.put("mail.smtp.from", System.getenv("SMTP_SENDER"));
        properties.put("mail.smtp.localhost", "client.example");
        properties.put("mail.smtp.connectiontimeout", timeout);
        properties.put("mail.smtp.timeout", timeout);
        properties.put("mail.smtp.writetimeout", timeout);
        properties.put("mail.smtp.auth", String.valueOf(!System.getenv("SMTP_USERNAME").isEmpty()));
        properties.put("mail.mime.allowutf8", "true");
        if (!security.equals("none")) {
            properties.put("mail.smtp.ssl.enable", String.valueOf(security.equals("implicit")));
            properties.put("mail.smtp.starttls.enable", String.valueOf(security.equals("starttls")));
            properties.put("mail.smtp.starttls.required", String.valueOf(security.equals("starttls")));
            properties.put("mail.smtp.ssl.checkserveridentity", "true");
            properties.put("mail.smtp.ssl.socketFactory", createContext().getSocketFactory());
        }
        return properties;
    }

    private static SSLContext createContext() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (InputStream content = new FileInputStream(System.getenv("SMTP_CA_FILE"))) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(content));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }

    /** Return whether a reply 4xx is among the causes. */
    private static boolean isTemporary(MessagingException error) {
        for (Exception cause = error; cause != null; cause = ((MessagingException) cause).getNextException()) {
            int code = 0;
            if (cause instanceof SMTPSendFailedException) {
                code = ((SMTPSendFailedException) cause).getReturnCode();
            } else if (cause instanceof SMTPAddressFailedException) {
                code = ((SMTPAddressFailedException) cause).getReturnCode();
            }
            if (code >= 400 && code < 500) {
                return true;
            }
            if (!(cause instanceof MessagingException)) {
                return false;
            }
        }
        return false;
    }
}
