# bash completion for vault

_vault() {
    local line kind=
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ -z $kind ]]; then
            kind=$line
        else
            COMPREPLY+=("$line")
        fi
    done <<<"$(
        VAULT_COMPLETE_LINE=${COMP_LINE:0:COMP_POINT} VAULT_COMPLETE_BREAKS=$COMP_WORDBREAKS \
            command vault __complete bash 2>/dev/null
    )"
    if [[ $kind == files ]]; then
        compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- "$2"))
    fi
}

complete -o nosort -F _vault vault 2>/dev/null || complete -F _vault vault
