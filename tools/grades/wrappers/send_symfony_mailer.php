<?php
// Send with Symfony Mailer: its SMTP transport, with `RawMessage` and `Envelope`.
require_once 'Symfony/Component/Mailer/autoload.php';

use Symfony\Component\Mailer\Envelope;
use Symfony\Component\Mailer\Exception\TransportExceptionInterface;
use Symfony\Component\Mailer\Mailer;
use Symfony\Component\Mailer\Transport\Smtp\EsmtpTransport;
use Symfony\Component\Mime\Address;
use Symfony\Component\Mime\RawMessage;

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
    $recipients = array_map(fn ($address) => new Address($address), explode(' ', getenv('SMTP_RECIPIENTS')));
    $envelope = new Envelope(new Address(getenv('SMTP_SENDER')), $recipients);
    foreach (explode(' ', getenv('SMTP_MESSAGES')) as $file) {
        $mailer->send(new RawMessage(file_get_contents($file)), $envelope);
    }
} catch (TransportExceptionInterface $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit($error->getCode() >= 400 && $error->getCode() < 500 ? 75 : 1);
}
