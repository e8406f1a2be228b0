# Read mails with Email::MIME.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Common;
use Email::Address::XS;
use Email::MIME;

sub list { return [map { $_->address } grep { defined $_->address } Email::Address::XS->parse($_[0] // '')] }

Common::run(sub {
    my ($content) = @_;
    my $mail = Email::MIME->new($content);
    my %body;
    my @attachments;
    $mail->walk_parts(sub {
        my ($part) = @_;
        return if $part->subparts;
        my ($type) = lc($part->content_type // 'text/plain') =~ m{^\s*([^;\s]+)};
        my $name = { 'text/plain' => 'text', 'text/html' => 'html' }->{ $type // '' };
        if ($name && !exists $body{$name} && ($part->header('Content-Disposition') // '') !~ /^\s*attachment/i) {
            my $text = eval { $part->body_str };
            $body{$name} = defined $text ? $text : $part->body;
            return;
        }
        push @attachments, Common::attachment($part->filename, $type, $part->body);
    });
    return {
        subject     => $mail->header_str('Subject') // '',
        from        => list($mail->header_raw('From')),
        to          => list($mail->header_raw('To')),
        date        => Common::seconds($mail->header_raw('Date')),
        text        => $body{text} // '',
        html        => $body{html} // '',
        attachments => \@attachments,
    };
});
