# complete.bash FILE LINE: what bash completes LINE to, with the completions in FILE.
. "$1"
read -ra COMP_WORDS <<<"$2"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_LINE=$2 COMP_POINT=${#2}
# The function that bash itself would call for this command.
function=$(complete -p ccroute | sed 's/.* -F \([^ ]*\) .*/\1/')
"$function" ccroute "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
