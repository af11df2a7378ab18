package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"weir/conf"
	"weir/cycle"
	"weir/vars"
)

const commands = `Usage: weir [options]        serve, test a configuration, or signal a running weir
       weir help            this list
       weir help NAME       what a directive or a variable means: weir help limit_req, weir help '$request_time'
       weir completion bash | zsh | fish
                            completion for a shell: source <(weir completion bash)
       weir demo            a reverse proxy with four back ends at work
       weir -h | --help     the options
       weir -v | --version  the version
`

// helpWidth is how wide the text of an entry is.
const helpWidth = 80

// help answers "weir help".
func help(args []string, out, errs io.Writer) int {
	switch {
	case len(args) == 0:
		_, _ = io.WriteString(out, commands)
		return 0
	case len(args) == 1 && args[0] == "--names": // for completion
		for _, name := range helpNames() {
			_, _ = fmt.Fprintln(out, name)
		}
		return 0
	case len(args) > 1:
		_, _ = fmt.Fprintf(errs, "weir: help is about one name at a time\n")
		return 1
	}
	name := strings.ToLower(args[0])
	found := false
	if !strings.HasPrefix(name, "$") {
		found = helpDirective(out, name)
	}
	if !found || len(cycle.Table().Entry(name)) == 0 {
		found = helpVariable(out, strings.TrimPrefix(name, "$"), found) || found
	}
	if found {
		return 0
	}
	_, _ = fmt.Fprintf(errs, "weir: there is no directive and no variable \"%s\"\n", args[0])
	if hint := conf.DidYouMean(name, helpNames()); hint != "" {
		_, _ = fmt.Fprintf(errs, "  help: %s\n", hint)
	}
	return 1
}

// helpNames are all names that help knows.
func helpNames() []string {
	all := map[string]bool{}
	for _, m := range cycle.Table().Modules() {
		for _, e := range m.Entries {
			all[e.Name] = true
		}
	}
	for _, v := range cycle.Variables() {
		all["$"+v.Name] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// helpDirective prints the entries of a directive, or why there is none.
func helpDirective(out io.Writer, name string) bool {
	table := cycle.Table()
	entries := table.Entry(name)
	for i, e := range entries {
		if i > 0 {
			_, _ = fmt.Fprintln(out)
		}
		printEntry(out, e)
	}
	if len(entries) > 0 {
		return true
	}
	k := table.Known()[name]
	if k == nil {
		return false
	}
	switch {
	case k.Plus:
		_, _ = fmt.Fprintf(out, "%s: a directive of NGINX Plus, which weir does not have.\n", name)
	default:
		_, _ = fmt.Fprintf(out, "%s: a directive of nginx, which weir does not have yet.\n", name)
	}
	return true
}

func printEntry(out io.Writer, e *conf.Entry) {
	var b strings.Builder
	b.WriteString(e.Usage() + "\n\n")
	if e.Default != "" {
		fmt.Fprintf(&b, "  default  %s %s;\n", e.Name, e.Default)
	}
	fmt.Fprintf(&b, "  context  %s\n  module   %s\n", e.In, e.Module.Name)
	if !e.Support.HasEffect() {
		b.WriteString("  it has no effect\n")
	}
	b.WriteString("\n" + plainText(e.Doc))
	if e.Example != "" {
		b.WriteString("\nExample:\n\n")
		for line := range strings.Lines(strings.TrimSpace(e.Example) + "\n") {
			b.WriteString("    " + line)
		}
	}
	_, _ = io.WriteString(out, b.String())
}

// helpVariable prints a variable. after says that something was printed before.
func helpVariable(out io.Writer, name string, after bool) bool {
	var best *vars.Var[struct{}]
	for _, v := range cycle.Variables() {
		family := strings.HasSuffix(v.Name, "_") && strings.HasPrefix(name, v.Name)
		if v.Name == name || family && (best == nil || len(best.Name) < len(v.Name)) {
			best = &vars.Var[struct{}]{Name: v.Name, Doc: v.Doc}
			if v.Name == name {
				break
			}
		}
	}
	if best == nil {
		k, ok := vars.FindKnown("http", name)
		if ok && !after {
			_, _ = fmt.Fprintf(out, "$%s: a variable of nginx's %s module, which weir does not have.\n", k.Name, k.Module)
		}
		return ok
	}
	shown := "$" + best.Name
	if strings.HasSuffix(best.Name, "_") {
		shown += "NAME"
	}
	if after {
		_, _ = fmt.Fprintln(out)
	}
	_, _ = fmt.Fprintf(out, "%s\n\n%s", shown, plainText(best.Doc))
	return true
}

// plainText makes text for a terminal of Markdown: without marks, in lines of one width.
func plainText(doc string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.NewReplacer("**", "", "`", "", "[", "", "]", "").Replace(doc), "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		width := 0
		for _, word := range strings.Fields(paragraph) {
			if n := len(word); n > 2 && word[0] == '*' { // *emphasis*
				word = strings.Replace(word[1:], "*", "", 1)
			}
			if width > 0 && width+1+len(word) > helpWidth {
				b.WriteString("\n")
				width = 0
			}
			if width > 0 {
				b.WriteString(" ")
				width++
			}
			b.WriteString(word)
			width += len(word)
		}
		b.WriteString("\n")
	}
	return b.String()
}
