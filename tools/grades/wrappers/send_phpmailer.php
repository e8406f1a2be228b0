<?php
// Send with PHPMailer: its SMTP mailer, with exceptions.  Only the text of the message comes from a file, so that it can
// be compared with what arrives: PHPMailer would otherwise write the header fields itself.
require_once 'libphp-phpmailer/autoload.php';

use PHPMailer\PHPMailer\Exception;
use PHPMailer\PHPMailer\PHPMailer;

class MessageFileMailer extends PHPMailer
{
    public function preSend()
    {
        [$header, $this->MIMEBody] = explode("\r\n\r\n", file_get_contents($this->Body), 2);
        $this->MIMEHeader = $header . "\r\n\r\n";
        return true;
    }
}

$mail = new MessageFileMailer(true);
$mail->isSMTP();
$mail->Host = getenv('SMTP_HOST');
$mail->Port = (int) getenv('SMTP_PORT');
$mail->Timeout = (int) ceil((float) getenv('SMTP_TIMEOUT'));
$mail->CharSet = PHPMailer::CHARSET_UTF8;
$mail->SMTPKeepAlive = true;
switch (getenv('SMTP_SECURITY')) {
    case 'starttls':
        $mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
        break;
    case 'implicit':
        $mail->SMTPSecure = PHPMailer::ENCRYPTION_SMTPS;
        break;
    default:
        $mail->SMTPAutoTLS = false;
}
$mail->SMTPOptions = ['ssl' => ['cafile' => getenv('SMTP_CA_FILE')]];
$mail->SMTPAuth = getenv('SMTP_USERNAME') !== '';
$mail->Username = getenv('SMTP_USERNAME');
$mail->Password = getenv('SMTP_PASSWORD');
try {
    $mail->setFrom(getenv('SMTP_SENDER'));
    foreach (explode(' ', getenv('SMTP_RECIPIENTS')) as $recipient) {
        $mail->addAddress($recipient);
    }
    foreach (explode(' ', getenv('SMTP_MESSAGES')) as $file) {
        $mail->Body = $file;
        $mail->send();
    }
    $mail->smtpClose();
} catch (Exception $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    $code = (string) ($mail->getSMTPInstance()->getError()['smtp_code'] ?? '');
    exit(str_starts_with($code, '4') ? 75 : 1);
}
