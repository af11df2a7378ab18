package script

import (
	"fmt"
	"strings"

	"weir/weirtest"
)

const manualHead = `# Whole-server scripts

<!-- Made by ` + "`go test . -run TestManual -update`" + ` from the tables in weirtest/script and weirtest/kinds.go; do not edit. -->

A script starts a real server, asks it over real sockets and says what must come back. One file is one subject. It is a txtar archive:
commands first, then the files of the server's directory.

` + "```text" + `
# Two peers take turns.
backend A name
backend B name
start
get / x4
bodies A B A B

-- nginx.conf --
events {}
http {
    upstream u { server $A; server $B; }
    server { listen $ADDR; location / { proxy_pass http://u; } }
}
` + "```" + `

Run one: ` + "`go test . -run TestScript/^range$`" + `; with ` + "`-v`" + ` it shows every answer, with ` + "`-testwork`" + ` it leaves the directory behind.
Another binary: ` + "`WEIR_BINARY=/usr/sbin/nginx go test . -run TestScript`" + `. The scripts say what nginx
mainline (1.31) does, and pass there; an old nginx differs in a few.

- ` + "`$ADDR`, `$ADDR2` … `$ADDR6`" + ` are free loopback addresses, ` + "`$PORT`" + ` … their ports, ` + "`$WORK`" + ` the directory, ` + "`$SERVER`" + ` is weir or nginx. Such
  names in capitals are filled in in *.conf; nginx's own variables, in small letters, are left alone.
- The server gets ` + "`-p $WORK/ -c nginx.conf -e error.log -g 'daemon off; pid nginx.pid;'`" + `, and its user is who runs the test, unless nginx.conf names one.
- A word in single quotes is taken as it is; a double quote has no meaning. ` + "`#`" + ` begins a comment. ` + "`!`" + ` before a command turns it round.
- ` + "`[weir]`, `[nginx]`, `[root]`, `[race]` and `[scramble]`" + ` before a line are conditions: the kind of binary, who runs the test, the race detector, and a layer that scrambles bytes under every connection.
- testscript's own commands work as well: exec, exists, grep, cmp, cp, mv, rm, mkdir, chmod, symlink, stdout, stderr, skip.
- Nothing waits by sleeping where an event can be waited for. Every wait ends after five seconds; ` + "`WEIR_TEST_SLOW=5`" + ` makes that longer.

## Commands

`

// Manual is testdata/script/README.md.
func Manual() string {
	var b strings.Builder
	b.WriteString(manualHead)
	for _, c := range Commands() {
		not := ""
		if c.not {
			not = "[!] "
		}
		fmt.Fprintf(&b, "- `%s%s`: %s\n", not, c.Syntax, c.Doc)
	}
	b.WriteString("\n## Kinds of back end\n\n")
	for _, k := range weirtest.Kinds() {
		fmt.Fprintf(&b, "- `%s`: %s.\n", strings.TrimSpace(k.Name+" "+k.Args), k.Doc)
	}
	return b.String()
}
