# bash completion for weir

_weir() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case $prev in
    -s)
        mapfile -t COMPREPLY < <(compgen -W 'stop quit reopen reload' -- "$cur")
        return ;;
    -c|-e)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
        return ;;
    -p)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        compopt -o filenames 2>/dev/null
        return ;;
    -g)
        return ;;
    help)
        if [[ $COMP_CWORD -eq 2 ]]; then
            local name
            while IFS= read -r name; do
                [[ $name == "${cur#\\}"* ]] && COMPREPLY+=("${name/#\$/\\\$}")
            done < <("${COMP_WORDS[0]}" help --names 2>/dev/null)
        fi
        return ;;
    completion)
        mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- "$cur")
        return ;;
    esac
    if [[ $COMP_CWORD -eq 1 && $cur != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'help demo completion' -- "$cur")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W '-h -v -V -t -T -q -s -p -c -e -g --help --version' -- "$cur")
}
complete -F _weir weir
