# Send with Net::SMTP of Perl, as its documentation shows: `mail`, `recipient`, `data`.
use strict;
use warnings;
use Net::SMTP;

sub fail {
    my ($smtp, $command) = @_;
    my $code = $smtp ? $smtp->code : 0;
    print STDERR "$command failed: ", $smtp ? "$code " . $smtp->message : $@ || $!, "\n";
    exit($code >= 400 && $code < 500 ? 75 : 1);
}

my $security = $ENV{SMTP_SECURITY};
my @tls = $security eq 'none' ? () : (SSL_ca_file => $ENV{SMTP_CA_FILE}, SSL_verifycn_name => $ENV{SMTP_HOST});
my $smtp = Net::SMTP->new(
    Host => $ENV{SMTP_HOST}, Port => $ENV{SMTP_PORT}, Timeout => $ENV{SMTP_TIMEOUT},
    $security eq 'implicit' ? (SSL => 1, @tls) : (),
) or fail(undef, 'connect');
if ($security eq 'starttls') { $smtp->starttls(@tls) or fail($smtp, 'STARTTLS'); }
if ($ENV{SMTP_USERNAME} ne '') { $smtp->auth($ENV{SMTP_USERNAME}, $ENV{SMTP_PASSWORD}) or fail($smtp, 'AUTH'); }
my @recipients = split ' ', $ENV{SMTP_RECIPIENTS};
for my $file (split ' ', $ENV{SMTP_MESSAGES}) {
    open my $handle, '<:raw', $file or die "$file: $!";
    my $message = do { local $/; <$handle> };
    $smtp->mail($ENV{SMTP_SENDER}) or fail($smtp, 'MAIL');
    $smtp->recipient(@recipients) or fail($smtp, 'RCPT');
    $smtp->data($message) or fail($smtp, 'DATA');
}
$smtp->quit;
