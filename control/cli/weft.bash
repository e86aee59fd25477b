# bash completion of weft: the grammar's words, and the names of the running switch's links.
_weft() {
    local word="${COMP_WORDS[COMP_CWORD]}" IFS=$'\n'
    local -a before=()
    local i=1
    # -s and -n choose whose names are offered.
    while [[ ${COMP_WORDS[i]} == -[sn] && $((i + 1)) -lt $COMP_CWORD ]]; do
        before+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
        i=$((i + 2))
    done
    COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "${before[@]}" --complete "${COMP_WORDS[@]:i:COMP_CWORD-i}" "$word" 2>/dev/null)" -- "$word"))
}
complete -o default -F _weft weft
