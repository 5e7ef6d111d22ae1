# fish completion for vault

function __vault_complete
    set -l current (commandline -ct)
    set -l lines (command vault __complete fish -- (commandline -opc) "$current" 2>/dev/null)
    if test "$lines[1]" = files
        set -l option (string match -r -- '^--[^=]+=' "$current")
        __fish_complete_path (string replace -- "$option" '' "$current") \
            | string replace -r -- '^' "$option"
    else if set -q lines[2]
        printf '%s\n' $lines[2..-1]
    end
end

complete --command vault --no-files --keep-order --arguments '(__vault_complete)'
