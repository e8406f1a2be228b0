// A service of a Spring application.  Spring Boot builds the JavaMailSender from spring.mail.host and spring.mail.port;
// without Spring Boot, `createSender` does the same.
import java.util.Map;
import javax.mail.MessagingException;
import javax.mail.internet.MimeMessage;
import org.springframework.mail.javamail.JavaMailSender;
import org.springframework.mail.javamail.JavaMailSenderImpl;
import org.springframework.mail.javamail.MimeMessageHelper;

public class WelcomeMail {
    private final JavaMailSender sender;

    public WelcomeMail(JavaMailSender sender) {
        this.sender = sender;
    }

    public void send(String address) throws MessagingException {
        MimeMessage message = sender.createMimeMessage();
        MimeMessageHelper helper = new MimeMessageHelper(message, true, "UTF-8");
        helper.setFrom("shop@example.com");
        helper.setTo(address);
        helper.setSubject("Welcome");
        helper.setText("Confirm: https://shop.example/c/42", "<a href=\"https://shop.example/c/42\">Confirm</a>");
        sender.send(message);
    }

    static JavaMailSender createSender(Map<String, String> env) {
        JavaMailSenderImpl sender = new JavaMailSenderImpl();
        sender.setHost(env.getOrDefault("SMTP_HOST", "127.0.0.1"));
        sender.setPort(Integer.parseInt(env.getOrDefault("SMTP_PORT", "1025")));
        if (env.containsKey("SMTP_USERNAME")) {
            sender.setUsername(env.get("SMTP_USERNAME"));
            sender.setPassword(env.get("SMTP_PASSWORD"));
            sender.getJavaMailProperties().put("mail.smtp.auth", "true");
        }
        return sender;
    }
}
