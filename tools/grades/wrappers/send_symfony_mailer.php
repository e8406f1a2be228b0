<?php
// Send with Symfony Mailer: its SMTP transport, with an `Email` that composes the message again.
require_once 'Symfony/Component/Mailer/autoload.php';

use Symfony\Component\Mailer\Exception\TransportExceptionInterface;
use Symfony\Component\Mailer\Mailer;
use Symfony\Component\Mailer\Transport\Smtp\EsmtpTransport;
use Symfony\Component\Mime\Email;

// `true` is implicit TLS; with `false` the transport still uses STARTTLS if the server offers it.
$transport = new EsmtpTransport(
    getenv('SMTP_HOST'), (int) getenv('SMTP_PORT'), getenv('SMTP_SECURITY') === 'implicit'
);
if (getenv('SMTP_SECURITY') === 'starttls' && method_exists($transport, 'setRequireTls')) {
    $transport->setRequireTls(true);  // since Symfony 7.3
}
$transport->getStream()->setTimeout((float) getenv('SMTP_TIMEOUT'));
$transport->getStream()->setStreamOptions(['ssl' => ['cafile' => getenv('SMTP_CA_FILE')]]);
if (getenv('SMTP_USERNAME') !== '') {
    $transport->setUsername(getenv('SMTP_USERNAME'));
    $transport->setPassword(getenv('SMTP_PASSWORD'));
}
$mailer = new Mailer($transport);
try {
    foreach (explode(' ', getenv('SMTP_MESSAGES')) as $file) {
        [$header, $text] = preg_split('/\r?\n\r?\n/', file_get_contents($file), 2);
        $fields = iconv_mime_decode_headers($header, 0, 'UTF-8');
        $email = (new Email())
            ->from($fields['From'])
            ->to(...explode(' ', getenv('SMTP_RECIPIENTS')))
            ->subject($fields['Subject'])
            ->text($text);
        $email->getHeaders()->addIdHeader('Message-ID', trim($fields['Message-ID'], '<>'));
        $mailer->send($email);
    }
} catch (TransportExceptionInterface $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit($error->getCode() >= 400 && $error->getCode() < 500 ? 75 : 1);
}
