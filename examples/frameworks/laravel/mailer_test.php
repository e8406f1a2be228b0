<?php
// The test asks the REST API for the mail.  The address is new in each run, so that tests can run at the same time.
require getenv('AUTOLOAD') ?: 'vendor/autoload.php';
require __DIR__ . '/mailer.php';

const JSON = ['method' => 'POST', 'header' => 'Content-Type: application/json'];

function request(string $path, ?array $json = null): array
{
    $url = (getenv('SMTPTEST_API') ?: 'http://127.0.0.1:8025') . "/api/v1/$path";
    $options = $json === null ? [] : JSON + ['content' => json_encode($json)];

    return json_decode(file_get_contents($url, false, stream_context_create(['http' => $options])), true);
}

function wait_for_mail(string $address): array
{
    $found = request('wait?' . http_build_query(['query' => "to:=$address", 'timeout' => 30]));

    return request("message/{$found['messages'][0]['ID']}");
}

function check(bool $condition, string $what): void
{
    if (!$condition) {
        fwrite(STDERR, "failed: $what\n");
        exit(1);
    }
    echo "ok: $what\n";
}

$address = 'ann-' . bin2hex(random_bytes(4)) . '@example.com';
welcome($address);
$mail = wait_for_mail($address);
check($mail['Subject'] === 'Welcome', 'the subject');
check(str_contains($mail['HTML'], 'https://shop.example/c/42'), 'the link');

$reply = ['reply' => [452, '4.2.2', 'Mailbox full'], 'times' => 1];
request('rules', ['when' => 'RCPT', 'match' => ['to' => "full-$address"], 'do' => [$reply]]);
try {
    welcome("full-$address");
    check(false, 'a full mailbox raises an exception');
} catch (Symfony\Component\Mailer\Exception\TransportExceptionInterface $error) {
    check($error->getCode() === 452, 'a full mailbox raises an exception');
}
