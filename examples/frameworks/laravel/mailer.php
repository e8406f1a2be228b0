<?php
// Laravel sends mail with Symfony Mailer, and builds this transport from MAIL_HOST, MAIL_PORT, MAIL_USERNAME and
// MAIL_PASSWORD of its .env file.
use Symfony\Component\Mailer\Mailer;
use Symfony\Component\Mailer\Transport;
use Symfony\Component\Mime\Email;

function mailer(): Mailer
{
    $user = getenv('MAIL_USERNAME');
    $login = $user ? rawurlencode($user) . ':' . rawurlencode(getenv('MAIL_PASSWORD')) . '@' : '';

    return new Mailer(Transport::fromDsn("smtp://$login" . getenv('MAIL_HOST') . ':' . getenv('MAIL_PORT')));
}

function welcome(string $address): void
{
    mailer()->send((new Email())
        ->from('shop@example.com')
        ->to($address)
        ->subject('Welcome')
        ->text('Confirm: https://shop.example/c/42')
        ->html('<a href="https://shop.example/c/42">Confirm</a>'));
}
