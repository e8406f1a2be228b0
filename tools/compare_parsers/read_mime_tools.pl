# Read mails with MIME::Tools.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Common;
use Encode ();
use MIME::Parser;
use MIME::WordDecoder;
use Mail::Address;

sub decoded {
    my ($raw) = @_;
    return '' unless defined $raw;
    chomp $raw;
    return $raw =~ /[^\x00-\xff]/ ? $raw : mime_to_perl_string($raw);    # a name can be decoded already
}
sub list { return [map { $_->address } Mail::Address->parse($_[0] // '')] }

Common::run(sub {
    my ($content) = @_;
    my $parser = MIME::Parser->new;
    $parser->output_to_core(1);
    $parser->tmp_to_core(1);
    $parser->extract_nested_messages(0);
    my $mail = $parser->parse_data($content);
    my %body;
    my @attachments;
    my @stack = ($mail);
    while (my $part = shift @stack) {
        if ($part->parts) {
            unshift @stack, $part->parts;
            next;
        }
        my $type = lc $part->effective_type;
        $type = lc $part->mime_type if $type eq 'application/octet-stream';
        my $name = { 'text/plain' => 'text', 'text/html' => 'html' }->{$type};
        my $octets = $part->bodyhandle ? $part->bodyhandle->as_string : '';
        if ($name && !exists $body{$name} && lc($part->head->mime_attr('content-disposition') // '') ne 'attachment') {
            my $charset = $part->head->mime_attr('content-type.charset') || 'us-ascii';
            my $text = eval { Encode::decode($charset, $octets) };
            $body{$name} = defined $text ? $text : Encode::decode('iso-8859-1', $octets);
            next;
        }
        push @attachments, Common::attachment(decoded($part->head->recommended_filename), $type, $octets);
    }
    return {
        subject     => decoded($mail->head->get('Subject', 0)),
        from        => list($mail->head->get('From', 0)),
        to          => list($mail->head->get('To', 0)),
        date        => Common::seconds($mail->head->get('Date', 0)),
        text        => $body{text} // '',
        html        => $body{html} // '',
        attachments => \@attachments,
    };
});
