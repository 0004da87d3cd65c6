# complete.zsh FILE LINE: what zsh makes of LINE and the Tab key, with the function in FILE, in an
# interactive shell on a terminal of its own.
zmodload zsh/zpty
zpty shell TERM=dumb zsh -f -i
zpty -w shell "PS1= PS2= RPS1=; unsetopt zle_bracketed_paste 2>/dev/null; fpath=(${1:h} \$fpath)"
zpty -w shell 'autoload -Uz compinit && compinit -D -u; print LO''ADED'
zpty -r shell text '*LOADED*LOADED*' || zpty -r shell text '*LOADED*'
# The line is not to be run: what is on it is printed instead.
zpty -w shell 'show() { print -r -- "GO""T<$BUFFER>"; BUFFER=; zle accept-line }; zle -N show; bindkey "^G" show; print REA''DY'
zpty -r shell text '*READY*'
zpty -w -n shell "$2"$'\t'
sleep 0.5
zpty -w -n shell $'\a'
zpty -r shell text '*GOT<*>*'
print -r -- ${${text##*GOT<}%%>*}
zpty -d shell
