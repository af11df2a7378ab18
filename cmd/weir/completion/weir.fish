# fish completion for weir

complete -c weir -f
complete -c weir -n __fish_use_subcommand -a help -d 'what a directive or a variable means'
complete -c weir -n __fish_use_subcommand -a demo -d 'a reverse proxy with four back ends at work'
complete -c weir -n __fish_use_subcommand -a completion -d 'completion for a shell'
complete -c weir -n '__fish_seen_subcommand_from help' -a '(weir help --names)'
complete -c weir -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
complete -c weir -n __fish_use_subcommand -s h -l help -d help
complete -c weir -n __fish_use_subcommand -s v -l version -d version
complete -c weir -n __fish_use_subcommand -s V -d 'version and modules'
complete -c weir -n __fish_use_subcommand -s t -d 'test the configuration'
complete -c weir -n __fish_use_subcommand -s T -d 'test the configuration and print it'
complete -c weir -n __fish_use_subcommand -s q -d 'print errors only while testing'
complete -c weir -n __fish_use_subcommand -s s -x -a 'stop quit reopen reload' -d 'signal a running weir'
complete -c weir -n __fish_use_subcommand -s p -x -a '(__fish_complete_directories)' -d prefix
complete -c weir -n __fish_use_subcommand -s c -r -F -d 'configuration file'
complete -c weir -n __fish_use_subcommand -s e -r -F -d 'error log'
complete -c weir -n __fish_use_subcommand -s g -x -d 'directives outside of the configuration file'
