package main

import (
	"fmt"
	"strings"
)

// options are the command line's, as nginx reads them: letters may stand together ("-tq"), values may
// follow at once ("-c/path").
type options struct {
	help, version, configure bool
	test, dump, quiet        bool
	signal                   string
	prefix, conf, errorLog   string
	globals                  string
}

// signals are the words that -s knows.
var signals = [...]string{"stop", "quit", "reopen", "reload"}

// parseOptions reads the arguments after the program's name. Errors are in nginx's words.
func parseOptions(args []string) (o options, err error) {
	for i := 0; i < len(args); i++ {
		word := args[i]
		if len(word) == 0 || word[0] != '-' {
			return o, fmt.Errorf("invalid option: \"%s\"", word)
		}
		switch word { // nginx has none of this kind
		case "--help":
			o.help, o.version = true, true
			continue
		case "--version":
			o.version = true
			continue
		}
		for k := 1; k < len(word); k++ {
			letter := word[k]
			if o.flag(letter) {
				continue
			}
			into, what := o.valued(letter)
			if into == nil {
				return o, fmt.Errorf("invalid option: \"%c\"", letter)
			}
			switch {
			case k+1 < len(word):
				*into = word[k+1:]
			case i+1 < len(args) && args[i+1] != "":
				i++
				*into = args[i]
			default:
				return o, fmt.Errorf("option \"-%c\" requires %s", letter, what)
			}
			break
		}
	}
	return o, o.check()
}

// flag sets a letter that takes no value.
func (o *options) flag(letter byte) bool {
	switch letter {
	case '?', 'h':
		o.help, o.version = true, true
	case 'v':
		o.version = true
	case 'V':
		o.version, o.configure = true, true
	case 't':
		o.test = true
	case 'T':
		o.test, o.dump = true, true
	case 'q':
		o.quiet = true
	default:
		return false
	}
	return true
}

// valued returns where the value of a letter goes, and what nginx calls the value.
func (o *options) valued(letter byte) (into *string, what string) {
	switch letter {
	case 's':
		return &o.signal, "parameter"
	case 'p':
		return &o.prefix, "directory name"
	case 'c':
		return &o.conf, "file name"
	case 'e':
		return &o.errorLog, "file name"
	case 'g':
		return &o.globals, "parameter"
	}
	return nil, ""
}

func (o *options) check() error {
	if o.signal != "" && !strings.Contains(" "+strings.Join(signals[:], " ")+" ", " "+o.signal+" ") {
		return fmt.Errorf("invalid option: \"-s %s\"", o.signal)
	}
	if o.prefix != "" && !strings.HasSuffix(o.prefix, "/") {
		o.prefix += "/"
	}
	return nil
}

const usage = `Usage: weir [-?hvVtTq] [-s signal] [-p prefix]
            [-e filename] [-c filename] [-g directives]
       weir help [name]
       weir completion bash | zsh | fish
       weir demo

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a running weir: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: %s)
  -e filename   : set error log file (default: %s)
  -c filename   : set configuration file (default: %s)
  -g directives : set global directives out of configuration file

weir help NAME tells what a directive or a variable means. weir demo shows a reverse proxy with four back ends at work.
`
