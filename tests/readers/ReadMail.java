import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.Base64;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.mail.Flags;
import javax.mail.Folder;
import javax.mail.Message;
import javax.mail.Session;
import javax.mail.Store;
import javax.mail.event.MessageCountAdapter;
import javax.mail.event.MessageCountEvent;
import javax.mail.internet.MimeMessage;
import javax.mail.internet.MimeMultipart;
import javax.mail.search.AndTerm;
import javax.mail.search.BodyTerm;
import javax.mail.search.FlagTerm;
import javax.mail.search.FromStringTerm;
import javax.mail.search.SubjectTerm;

/** Read mail with JavaMail: `java ReadMail PROTOCOL TLS PORT USER PASSWORD ACTION`. */
public class ReadMail {
    static final long TIMEOUT_SECONDS = 60;

    public static void main(String[] args) throws Exception {
        String tls = args[1];
        String protocol = tls.equals("implicit") ? args[0] + "s" : args[0];
        Properties properties = new Properties();
        properties.put("mail." + protocol + ".starttls.enable", String.valueOf(tls.equals("starttls")));
        properties.put("mail." + protocol + ".starttls.required", String.valueOf(tls.equals("starttls")));
        properties.put("mail." + protocol + ".ssl.checkserveridentity", "true");
        properties.put("mail." + protocol + ".timeout", "60000");
        Store store = Session.getInstance(properties).getStore(protocol);
        store.connect("localhost", Integer.parseInt(args[2]), args[3], args[4]);
        switch (args[5]) {
            case "fetch" -> fetch(store);
            case "attachment" -> readAttachment(store);
            case "folders" -> useFolders(store);
            case "change" -> change(store);
            case "append" -> append(store);
            case "search" -> search(store);
            case "idle" -> idle(store);
            case "delete" -> delete(store);
            default -> throw new IllegalArgumentException(args[5]);
        }
        store.close();
    }

    static Folder open(Store store) throws Exception {
        Folder folder = store.getFolder("INBOX");
        folder.open(Folder.READ_WRITE);
        return folder;
    }

    static void fetch(Store store) throws Exception {
        Folder folder = open(store);
        for (Message message : folder.getMessages()) {
            ByteArrayOutputStream content = new ByteArrayOutputStream();
            message.writeTo(content);
            System.out.println(message.getSubject() + "\t" + Base64.getEncoder().encodeToString(content.toByteArray()));
        }
        folder.close(false);
    }

    static void readAttachment(Store store) throws Exception {
        Folder folder = open(store);
        MimeMultipart parts = (MimeMultipart) folder.getMessage(1).getContent();
        byte[] content = parts.getBodyPart(1).getInputStream().readAllBytes();
        System.out.println(parts.getBodyPart(1).getFileName() + "\t" + Base64.getEncoder().encodeToString(content));
        folder.close(false);
    }

    static void useFolders(Store store) throws Exception {
        Folder folder = store.getFolder("Späte/Post");
        check(folder.create(Folder.HOLDS_MESSAGES), "create");
        folder.setSubscribed(true);
        for (Folder listed : store.getDefaultFolder().list("*")) {
            System.out.println(listed.getFullName() + "\t" + listed.isSubscribed());
        }
        check(folder.renameTo(store.getFolder("Archive")), "rename");
        check(store.getFolder("Archive").exists(), "exists");
        check(store.getFolder("Archive").delete(true), "delete");
    }

    static void change(Store store) throws Exception {
        Folder folder = open(store);
        Flags flags = new Flags(Flags.Flag.FLAGGED);
        flags.add("$Work");
        folder.setFlags(new Message[] {folder.getMessage(1)}, flags, true);
        folder.copyMessages(new Message[] {folder.getMessage(1)}, store.getFolder("Sent"));
        ((com.sun.mail.imap.IMAPFolder) folder).moveMessages(
            new Message[] {folder.getMessage(2)}, store.getFolder("Junk"));
        folder.getMessage(folder.getMessageCount()).setFlag(Flags.Flag.DELETED, true);
        folder.expunge();
        folder.close(false);
    }

    static void append(Store store) throws Exception {
        MimeMessage message = new MimeMessage(null, new ByteArrayInputStream(System.in.readAllBytes()));
        message.setFlag(Flags.Flag.DRAFT, true);
        store.getFolder("Drafts").appendMessages(new Message[] {message});
    }

    static void search(Store store) throws Exception {
        Folder folder = open(store);
        folder.getMessage(1).setFlag(Flags.Flag.SEEN, true);
        var terms = new javax.mail.search.SearchTerm[] {
            new SubjectTerm("meeting"), new AndTerm(new FromStringTerm("ann"), new BodyTerm("numbers")),
            new FlagTerm(new Flags(Flags.Flag.SEEN), false),
        };
        for (var term : terms) {
            StringBuilder numbers = new StringBuilder();
            for (Message message : folder.search(term)) {
                numbers.append(message.getMessageNumber()).append(' ');
            }
            System.out.println(numbers.toString().trim());
        }
        folder.close(false);
    }

    static void idle(Store store) throws Exception {
        Folder folder = open(store);
        CountDownLatch added = new CountDownLatch(1);
        folder.addMessageCountListener(new MessageCountAdapter() {
            @Override
            public void messagesAdded(MessageCountEvent event) {
                added.countDown();
            }
        });
        System.out.println("idling");
        Thread thread = new Thread(() -> {
            try {
                ((com.sun.mail.imap.IMAPFolder) folder).idle(true);
            } catch (Exception error) {
                error.printStackTrace();
            }
        });
        thread.start();
        check(added.await(TIMEOUT_SECONDS, TimeUnit.SECONDS), "idle");
        thread.join();
        System.out.println(folder.getMessageCount());
        folder.close(false);
    }

    static void delete(Store store) throws Exception {
        Folder folder = open(store);
        folder.getMessage(1).setFlag(Flags.Flag.DELETED, true);
        folder.close(true);
    }

    static void check(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }
}
