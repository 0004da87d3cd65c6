# complete.fish FILE LINE: what fish completes LINE to, with the completions in FILE.
source $argv[1]
complete -C "$argv[2]" | string split -f1 \t
exit 0
