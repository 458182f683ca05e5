# bash completion of overparam. The program itself says what can stand next (overparam help --complete -- WORD...), so
# experiments, keys, choices, data sets and runs are always those of the program that is called.
_overparam() {
    local words=() i word program=${COMP_WORDS[0]} equals=no
    # COMP_WORDBREAKS holds '=': --key=value arrives as three words.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == = && $i -gt 1 ]]; then
            equals=yes
            continue
        fi
        words+=("$word")
        equals=no
    done
    [[ $equals == no ]] || words+=("")
    mapfile -t COMPREPLY < <("$program" help --complete -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == @files ]]; then
        COMPREPLY=() # readline's own file names, through -o default
    elif [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt +o default 2>/dev/null || true # outside a completion there is nothing to switch off
    fi
}
complete -o default -F _overparam overparam
