<?php
// Send with PHPMailer: `send` with exceptions.  PHPMailer composes the message again.
require_once 'libphp-phpmailer/autoload.php';

use PHPMailer\PHPMailer\Exception;
use PHPMailer\PHPMailer\PHPMailer;

$mail = new PHPMailer(true);
$mail->isSMTP();
$mail->Host = getenv('SMTP_HOST');
$mail->Port = (int) getenv('SMTP_PORT');
$mail->Timeout = (int) ceil((float) getenv('SMTP_TIMEOUT'));  // for the connection
$mail->getSMTPInstance()->Timelimit = $mail->Timeout;  // for each reply; 300 s by default
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
    foreach (explode(' ', getenv('SMTP_RECIPIENTS')) as $recipient) {
        $mail->addAddress($recipient);
    }
    foreach (explode(' ', getenv('SMTP_MESSAGES')) as $file) {
        [$header, $mail->Body] = preg_split('/\r?\n\r?\n/', file_get_contents($file), 2);
        $fields = iconv_mime_decode_headers($header, 0, 'UTF-8');
        $mail->setFrom(getenv('SMTP_SENDER'), strstr($fields['From'], ' <', true));
        $mail->Subject = $fields['Subject'];
        $mail->MessageID = $fields['Message-ID'];
        $mail->MessageDate = $fields['Date'];
        $mail->send();
    }
    $mail->smtpClose();
} catch (Exception $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    $code = (string) ($mail->getSMTPInstance()->getError()['smtp_code'] ?? '');
    exit(str_starts_with($code, '4') ? 75 : 1);
}
