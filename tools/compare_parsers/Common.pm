package Common;

# What the readers in Perl share: the loop over the paths, and the digest.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use JSON;

sub attachment {
    my ($filename, $type, $content) = @_;
    $content = '' unless defined $content;
    return {
        filename => defined $filename ? $filename : '',
        type     => $type,
        size     => length $content,
        sha256   => sha256_hex($content),
    };
}

sub seconds {
    my ($text) = @_;
    return undef unless defined $text;
    require Date::Parse;
    my $found = Date::Parse::str2time($text);
    return defined $found ? int $found : undef;
}

sub run {
    my ($read) = @_;
    my $json = JSON->new->utf8->allow_blessed->convert_blessed;
    local $| = 1;
    while (my $path = <STDIN>) {
        chomp $path;
        my $answer = eval {
            open my $file, '<:raw', $path or die "$path: $!";
            local $/;
            $read->(scalar <$file>);
        } || { error => "$@" };
        print $json->encode({ path => $path, %$answer }), "\n";
    }
}

1;
