# jobs.pl DIRECTORY >MAKEFILE: the compiles that a kernel build in DIRECTORY has recorded, as a makefile of
# nothing else, with a native compiler's name. Objects go to ./out.
use strict;
use warnings;

my (@objects, @rules);
chdir $ARGV[0] or die "$ARGV[0]: $!\n";
for my $file (sort glob "kernel/time/.*.o.cmd kernel/irq/.*.o.cmd") {
    open my $handle, "<", $file or die "$file: $!\n";
    my $line = <$handle>;
    my ($object, $command) = $line =~ /^(?:saved)?cmd_(\S+) := arm-linux-gnueabihf-(gcc .*)$/ or next;
    $command =~ s/ ; .*//;            # what follows the compile itself
    $command =~ s/\$\(pound\)/#/g;
    $command =~ s/\$/\$\$/g;
    $command =~ s/ -o \Q$object\E/ -o out\/$object/;
    $command =~ s/-Wp,-MMD,\S+/-Wp,-MMD,out\/$object.d/;
    push @objects, "out/$object";
    push @rules, "out/$object:\n\t\@mkdir -p \$(\@D)\n\t\@$command\n";
}
@objects or die "no compile is recorded in $ARGV[0]\n";
print "all: @objects\n\n", join "\n", @rules;
