#compdef weir

_weir() {
    local context state line
    typeset -A opt_args
    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
        local -a commands=(
            'help:what a directive or a variable means'
            'demo:a reverse proxy with four back ends at work'
            'completion:completion for a shell'
        )
        _describe command commands
        return
    fi
    case $words[2] in
    help)
        if (( CURRENT == 3 )); then
            local -a names=(${(f)"$(_call_program names $words[1] help --names 2>/dev/null)"})
            compadd -a names
        fi
        return ;;
    completion)
        (( CURRENT == 3 )) && compadd bash zsh fish
        return ;;
    demo)
        return ;;
    esac
    _arguments \
        '(-h --help)'{-h,--help}'[help]' \
        '(-v --version)'{-v,--version}'[version]' \
        '-V[version and modules]' \
        '-t[test the configuration]' \
        '-T[test the configuration and print it]' \
        '-q[print errors only while testing]' \
        '-s[signal a running weir]:signal:(stop quit reopen reload)' \
        '-p[prefix]:directory:_files -/' \
        '-c[configuration file]:file:_files' \
        '-e[error log]:file:_files' \
        '-g[directives outside of the configuration file]:directives:'
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _weir "$@"
else
    compdef _weir weir
fi
