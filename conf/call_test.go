package conf

import (
	"bytes"
	"errors"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// one loads a single directive and returns its call.
func one(t *testing.T, syntax, line string) (*Call, string) {
	t.Helper()
	var call *Call
	m := Define("test", "Tests.", []directiveOf{{
		Name: "x", In: Main, Syntax: syntax, Doc: "x", Set: func(_ *seen, c *Call) error { call = c; return nil },
	}})
	tree, diags := Parse("/etc/x.conf", "x "+line)
	table := NewTable(m)
	table.Check(tree, diags)
	table.NewScopes(tree, "env", diags).Any(m, tree.Main)
	for _, g := range diags.List() {
		return call, g.Text
	}
	return call, ""
}

func TestCall(t *testing.T) {
	c, bad := one(t, "<name> <key:text> [zone=<zone:name>:<size>] [burst=<number>] [rate=<rate>] [t=<time>] [always] [size=<size>]",
		"always burst=3 zone=one:2m t=1m 'burst=7' size=8k;")
	if bad != "" {
		t.Fatal(bad)
	}
	if c.Has("always") {
		t.Error("a value is taken for a keyword")
	}
	if c.Int("burst") != 7 || c.IntOr("none", 9) != 9 || c.Int("none") != 0 {
		t.Error("Int:", c.Int("burst"))
	}
	if c.Time("t") != time.Minute || c.Size("size") != 8192 || c.String("zone") != "one:2m" {
		t.Error(c.Time("t"), c.Size("size"), c.String("zone"))
	}
	if w, ok := c.Key("zone"); !ok || w.Text != "one:2m" || w.Pos.Off != 22 || w.Len != 6 {
		t.Errorf("%+v", w)
	}
	if c.Env != "env" || c.Len() != 6 || c.Arg(9) != "" || c.IsDefault() || c.Body() != nil || c.Block() != c.block {
		t.Error("call", c)
	}
	if c.Index("t") != 3 || c.Index("q") != -1 {
		t.Error("Index")
	}
}

func TestSyntax(t *testing.T) {
	arity := `invalid number of arguments in "x" directive`
	tests := []struct{ syntax, args, want string }{
		{"", "", ""},
		{"", "a", arity},
		{"off\n<path> <replacement>", "off", ""},
		{"off\n<path> <replacement>", "/a /b", ""},
		{"off\n<path> <replacement>", "on", `invalid value "on"`},
		{"off\n<path> <replacement>", "a b c", arity},
		{"[<code> ...] <time>", "1s", ""},
		{"[<code> ...] <time>", "200 302 1s", ""},
		{"[<code> ...] <time>", "200 302", ""},
		{"[<code> ...] <time>", "200 x", `"x" directive invalid value`},
		{"<file> ... <uri> | =<code>", "a b =404", ""},
		{"<file> ... <uri> | =<code>", "a", arity},
		{"<code> ... [=[<response>]] <uri>", "404 500 =200 /x", ""},
		{"<code> ... [=[<response>]] <uri>", "404 = /x", ""},
		{"<path> [<format> [buffer=<size>] [gzip[=<level:1-9>]] [flush=<time>] [if=<condition>]]", "/a main gzip buffer=1k", ""},
		{"<path> [<format> [buffer=<size>] [gzip[=<level:1-9>]] [flush=<time>] [if=<condition>]]", "/a main gzip=3 if=$x", ""},
		{"<path> [<format> [buffer=<size>] [gzip[=<level:1-9>]] [flush=<time>] [if=<condition>]]", "/a main gzip=0", `invalid parameter "gzip=0"`},
		{"<path> [<format> [buffer=<size>] [gzip[=<level:1-9>]] [flush=<time>] [if=<condition>]]", "/a main zip", `invalid parameter "zip"`},
		{"<number> [<size>]", "1 1k", ""},
		{"<number> [<size>]", "1 x", `"x" directive invalid value`},
		{"<number> [<size>]", "x", `"x" directive invalid number`},
		{"auto | <number>", "auto", ""},
		{"auto | <number>", "x", `"x" directive invalid value`},
		{"header|last_byte [inflight]", "last_byte inflight", ""},
		{"header|last_byte [inflight]", "body", `invalid value "body"`},
		{"m=on|off|<number>", "m=5", ""},
		{"m=on|off|<number>", "m=x", `invalid parameter "m=x"`},
		{"! 1-2 anything", "", arity},
		{"! 1-2 anything", "a b", ""},
		{"! 1-2 anything", "a b c", arity},
		{"! 2-", "a", arity},
		{"!", "a b c d", ""},
		{"<a> [last | break]", "x break", ""},
		{"<a> [last | break]", "x brek", `invalid parameter "brek"`},
		{"<a> on | off", "x OFF", ""},
		{"<a> on | off", "x y", `invalid value "y" in "x" directive, it must be "on" or "off"`},
		{"<n:1->", "0", "value must be equal to or greater than 1"},
		{"<n:1->", "99", ""},
		{"<name> ...", "'' a", `"x" directive invalid value`},
	}
	for _, tt := range tests {
		if _, got := one(t, tt.syntax, tt.args+";"); got != tt.want {
			t.Errorf("%q: x %s: %q; want %q", tt.syntax, tt.args, got, tt.want)
		}
	}
}

func TestBadSyntax(t *testing.T) {
	for _, s := range []string{"[", "]", "[a", "a]", "...", "<a", "<a:zzz>", "[]", "a |", "x=[", "! 3-1", "[{ }]", "|", "a|"} {
		if _, err := parseSyntax(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

func TestProblems(t *testing.T) {
	if list := NewTable(testModules()...).Problems(); len(list) > 0 {
		t.Error(strings.Join(list, "\n"))
	}
	bad := NewTable(Define("m", "", []directiveOf{
		{Name: "a", Syntax: "[", Default: "x"},
		{Name: "b", In: Main, Syntax: "on | off", Default: "maybe", Doc: "B.", Example: "c on;", Group: "g"},
		{Name: "b", In: Main, Syntax: "", Doc: "B.", Example: "b {", Inherit: Never, Group: "g", Set: record},
	}))
	if got := bad.Problems(); len(got) != 13 {
		t.Errorf("%d problems:\n%s", len(got), strings.Join(got, "\n"))
	}
}

func TestKnown(t *testing.T) {
	table := NewTable(testModules()...)
	lines := strings.Split(strings.TrimSpace(knownText), "\n")[3:]
	if !slices.IsSorted(lines) || len(slices.Compact(slices.Clone(lines))) != len(lines) {
		t.Error("known.txt is not sorted, or has lines twice")
	}
	for _, line := range lines {
		for _, place := range strings.Split(strings.Fields(line)[1], ",") {
			if contextByWord(place) == 0 {
				t.Errorf("%s: no place %q", line, place)
			}
		}
	}
	if n := len(table.Uncovered()); n < 500 {
		t.Errorf("only %d directives are uncovered", n)
	}
	for _, s := range append(table.Misfits(), table.Misplaced()...) {
		if !strings.Contains(s, ": nginx has it in ") {
			t.Error(s)
		}
	}
}

func TestPages(t *testing.T) {
	pages := NewTable(testModules()...).Pages()
	want := "## limit_req\n\n```nginx\nlimit_req zone=zone [burst=number] [nodelay | delay=number];\n```\n\n" +
		"- Context: http, server, location\n- May stand several times in one block.\n\nA directive of the tests.\n"
	if got := pages["docs/directives/http_core.md"]; !strings.Contains(got, want) {
		t.Error(got)
	}
	if got := pages["docs/directives/README.md"]; !strings.Contains(got, "| [allow](rules.md#allow) | rules | A directive of the tests. |") {
		t.Error(got)
	}
}

func TestSlots(t *testing.T) {
	m := Define("slots", "Slots.", []directiveOf{
		{Name: "path", In: Main, Syntax: "<path>", Default: "html", Doc: "P.", Set: func(c *seen, call *Call) error { c.path = call.Path(call.Arg(0)); return nil }},
		{Name: "words", In: Main, Syntax: "<word> ...", Repeat: true, Doc: "W.", Set: Strings(func(c *seen) *[]string { return &c.words })},
		{Name: "declared", In: Main, Syntax: "<word>", Repeat: true, Doc: "D.", Declare: func(c *Call) error {
			list := c.Env.(*[]string)
			*list = append(*list, c.Arg(0))
			if c.Arg(0) == "bad" {
				return errors.New("no good")
			}
			return nil
		}},
	})
	tree, diags := Load("a.conf", LoadOptions{
		Prefix: "/p", Globals: "declared g;",
		Outside: Outside{Read: func(string) ([]byte, error) { return []byte("words a b; declared x; words c; declared bad;"), nil }},
	})
	table := NewTable(m)
	table.Check(tree, diags)
	var declared []string
	table.Declare(tree, &declared, diags)
	c := Settings[seen](table.NewScopes(tree, nil, diags), m, tree.Main)
	if c.path != "/p/html" || !reflect.DeepEqual(c.words, []string{"a", "b", "c"}) || !reflect.DeepEqual(declared, []string{"g", "x", "bad"}) {
		t.Error(c.path, c.words, declared)
	}
	var b bytes.Buffer
	diags.Print(&b, "weir")
	if !strings.HasPrefix(b.String(), "weir: [emerg] no good in /p/a.conf:1\n  --> /p/a.conf:1:33\n") {
		t.Error(b.String())
	}
}

func TestGlobals(t *testing.T) {
	for globals, want := range map[string]string{
		"user a;":              "",
		"user a":               `unexpected end of parameter, expecting ";" in command line`,
		"user a; user b;":      `"user" directive is duplicate in command line`,
		"events { }":           `block directives are not supported in -g option in command line`,
		"}":                    `unexpected "}" in command line`,
		"daemon maybe;":        `invalid value "maybe" in "daemon" directive, it must be "on" or "off" in command line`,
		"worker_processes 1; ": "",
	} {
		tree, diags := Load("x", LoadOptions{Globals: globals, Outside: Outside{Read: func(string) ([]byte, error) { return nil, nil }}})
		NewTable(testModules()...).Check(tree, diags)
		got := ""
		for _, g := range diags.List() {
			got = diags.Sentence(g)
		}
		if got != want {
			t.Errorf("-g %q: %q; want %q", globals, got, want)
		}
	}
}

func TestGlob(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.conf", "a.conf", ".hidden.conf", "c.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]int{"*.conf": 2, "*": 3, ".*.conf": 1, "[!a].conf": 1, "[": 0, "?.*": 3} {
		if got, err := globFiles(filepath.Join(dir, pattern)); err != nil || len(got) != want {
			t.Errorf("%s: %v, %v", pattern, got, err)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abcd", 1}, {"abc", "xbc", 1}, {"listen", "lsiten", 1}, {"kitten", "sitting", 3}} {
		if got := distance(tt.a, tt.b, 9); got != tt.want {
			t.Errorf("%s %s: %d", tt.a, tt.b, got)
		}
	}
	r := rand.New(rand.NewSource(1))
	for range 1000 { // it is a distance: the same both ways
		a, b := strings.Join(makeArgs(r, r.Intn(8)), ""), strings.Join(makeArgs(r, r.Intn(8)), "")
		if distance(a, b, 99) != distance(b, a, 99) {
			t.Fatal(a, b)
		}
	}
}

// TestDeclareBeforeSet declares what stands last in the file before what names it, and sets what was declared without an error.
func TestDeclareBeforeSet(t *testing.T) {
	var ran []string
	note := func(what string) func(*Call) error {
		return func(c *Call) error {
			ran = append(ran, what+" "+c.Arg(0))
			if c.Arg(0) == "bad" {
				return c.Errorf(0, "no")
			}
			return nil
		}
	}
	set := note("set")
	m := Define("m", "Doc.", []Directive[struct{}]{
		{Name: "uses", In: Main, Syntax: "<word>", Repeat: true, Doc: "U.", Declare: note("mention"), Set: func(_ *struct{}, c *Call) error { return set(c) }},
		{Name: "declares", In: Main, Syntax: "<word>", Repeat: true, Doc: "D.", Declare: note("declare")},
	})
	table := NewTable(m)
	tree, d := Parse("f", "uses a; uses bad; declares a;")
	table.Check(tree, d)
	table.Declare(tree, nil, d)
	table.NewScopes(tree, nil, d).ResolveAll()
	if got, want := strings.Join(ran, ", "), "declare a, mention a, mention bad, set a"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}
