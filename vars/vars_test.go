package vars

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// ask is a request of these tests.
type ask struct {
	uri, args string
	slots     []Value
	groups    []string
	heard     []string
	runs      int
}

func text(s string) Value { return Value{B: []byte(s)} }

func newTable(t testing.TB) *Table[*ask] {
	t.Helper()
	table := NewTable(Hooks[*ask]{
		Slots: func(r *ask) []Value { return r.slots },
		Capture: func(r *ask, n int) ([]byte, bool) {
			if n >= len(r.groups) {
				return nil, false
			}
			return []byte(r.groups[n]), true
		},
		Uninitialized: func(r *ask, name string) { r.heard = append(r.heard, "uninitialized "+name) },
		Cycle:         func(r *ask, name string) { r.heard = append(r.heard, "cycle "+name) },
	})
	for _, v := range []Var[*ask]{
		{Name: "uri", Get: func(r *ask, _ string) Value { return Value{B: []byte(r.uri)} }},
		{Name: "args", Get: func(r *ask, _ string) Value { return text(r.args) }, Set: func(r *ask, v []byte) { r.args = string(v) }},
		{Name: "request_id", Cache: true, Get: func(r *ask, _ string) Value { r.runs++; return text(fmt.Sprint("id", r.runs)) }},
		{Name: "http_", Get: func(_ *ask, rest string) Value { return text("h:" + rest) }},
		{Name: "http_x_", Get: func(_ *ask, rest string) Value { return text("hx:" + rest) }},
		{Name: "http_host", Get: func(*ask, string) Value { return text("host") }},
	} {
		if err := table.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	return table
}

func (r *ask) ready(t *Table[*ask]) *ask {
	r.slots = make([]Value, t.Slots())
	return r
}

func TestTextAppend(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"plain", "plain", "plain"},
		{"empty", "", ""},
		{"name", "a$uri", "a/u"},
		{"braces", "${uri}x$uri/", "/ux/u/"},
		{"case", "$URI${Http_FOO}", "/uh:foo"},
		{"family", "$http_a_b", "h:a_b"},
		{"longest family", "$http_x_y", "hx:y"},
		{"exact before family", "$http_host", "host"},
		{"family without a rest", "[$http_]", "[h:]"},
		{"capture", "$1-$2-$9", "one-two-"},
		{"capture is one digit", "$10$1a", "one0onea"},
		{"other signs", "a{b}c%\x00\xff", "a{b}c%\x00\xff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := newTable(t)
			x, err := table.Compile(tt.src)
			if err != nil {
				t.Fatal(err)
			}
			if errs := table.Finish(); errs != nil {
				t.Fatal(errs)
			}
			r := (&ask{uri: "/u", groups: []string{"", "one", "two"}}).ready(table)
			if got := string(x.Append(nil, r)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if s, ok := x.Const(); ok != !strings.Contains(tt.src, "$") || ok && s != tt.want {
				t.Errorf("Const: %q, %v", s, ok)
			}
		})
	}
}

func TestCompileErrors(t *testing.T) {
	tests := []struct{ src, want string }{
		{"$", "invalid variable name"},
		{"a $ b", "invalid variable name"},
		{"$-", "invalid variable name"},
		{"$$uri", "invalid variable name"},
		{"${", "invalid variable name"},
		{"${}", "invalid variable name"},
		{"$é", "invalid variable name"},
		{"${uri", `the closing bracket in "uri" variable is missing`},
		{"${ho-st}", `the closing bracket in "ho" variable is missing`},
		{"${1", `the closing bracket in "1" variable is missing`},
	}
	for _, tt := range tests {
		if _, err := newTable(t).Compile(tt.src); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.src, err, tt.want)
		}
	}
	for _, word := range []string{"", "$", "x"} {
		if _, err := ParseName(word); err == nil || err.Error() != `invalid variable name "`+word+`"` {
			t.Errorf("%s: %v", word, err)
		}
	}
}

func TestUnknown(t *testing.T) {
	table := newTable(t)
	for at, src := range []string{"$nope$uri", "$0", "${1}", "$later", "$NOPE"} {
		x, err := table.Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if x.Open() {
			x.Ask(at)
		}
	}
	table.Lookup("if_only", 7)
	if _, err := table.Define("later"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, err := range table.Finish() {
		var u *UnknownError
		if !errors.As(err, &u) {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(u, u.At))
	}
	want := `unknown "nope" variable [0 4]; unknown "0" variable [1]; unknown "1" variable [2]; unknown "if_only" variable [7]`
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestDuplicates(t *testing.T) {
	table := newTable(t)
	want := `the duplicate "uri" variable`
	for what, err := range map[string]error{
		"Add":       table.Add(Var[*ask]{Name: "uri"}),
		"DefineGet": table.DefineGet("URI", false, nil),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := table.Define("uri"); err == nil || err.Error() != want {
		t.Error(err)
	}
	if _, err := table.DefineSet("uri"); err == nil || err.Error() != want {
		t.Error(err)
	}
	for _, name := range []string{"args", "http_x", "new", "1"} {
		if _, err := table.DefineSet(name); err != nil {
			t.Error(err)
		}
	}
}

// TestDefined follows what nginx 1.31.5 did with set, map and captures of one name.
func TestDefined(t *testing.T) {
	table := newTable(t)
	set := func(name string) *Ref[*ask] {
		f, err := table.DefineSet(name)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	slot := func(name string) int {
		n, err := table.Define(name)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	lazy := func(name string, volatile bool, get func(r *ask) Value) {
		if err := table.DefineGet(name, volatile, get); err != nil {
			t.Fatal(err)
		}
	}
	v, args, header, both := set("v"), set("args"), set("http_q"), set("both")
	slot("both")
	group := slot("group")
	count := func(r *ask) Value { r.runs++; return text(fmt.Sprint(r.runs)) }
	lazy("map", false, count)
	lazy("vol", true, count)
	mapped := set("map")
	lazy("hidden", false, count)
	slot("hidden")
	lazy("c1", false, func(r *ask) Value { return table.Lookup("c2").Get(r) })
	lazy("c2", false, func(r *ask) Value { return table.Lookup("c1").Get(r) })
	lazy("none", false, func(*ask) Value { return Value{} })
	all, err := table.Compile("$v|$args|$http_q|$both|$group|$map|$vol|$hidden|$request_id|$none")
	if err != nil || table.Finish() != nil {
		t.Fatal(err)
	}
	if slot("group") != group {
		t.Error("Define is not idempotent")
	}
	r := (&ask{args: "a=1"}).ready(table)
	show := func(want string) {
		t.Helper()
		if got := string(all.Append(nil, r)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	show("|a=1|h:q|||1|2||id3|")
	show("|a=1|h:q|||1|4||id3|")
	if got := fmt.Sprint(r.heard); got != "[uninitialized v]" {
		t.Errorf("heard %s", got)
	}
	if got := table.Lookup("both").Get(r); !got.Missing {
		t.Error("an unset capture is not missing")
	}
	v.Set(r, []byte("V"))
	args.Set(r, []byte("b=2"))
	header.Set(r, []byte("H"))
	both.Set(r, nil)
	r.slots[group] = text("G")
	mapped.Set(r, []byte("M"))
	show("V|b=2|H||G|M|5||id3|")
	if got := table.Lookup("both").Get(r); got.Missing {
		t.Error("set to empty is missing")
	}
	r.heard = nil
	if got := table.Lookup("c1").Get(r); !got.Missing {
		t.Errorf("a cycle gives %q", got.B)
	}
	if got := fmt.Sprint(r.heard); got != "[cycle c1]" {
		t.Errorf("heard %s", got)
	}
}

func TestValueByName(t *testing.T) {
	table := newTable(t)
	f, _ := table.DefineSet("v")
	table.Lookup("unknown")
	table.Finish()
	r := (&ask{uri: "/u"}).ready(table)
	f.Set(r, []byte("V"))
	tests := []struct {
		name, want string
		known      bool
	}{
		{"v", "V", true},
		{"uri", "/u", true},
		{"http_a", "h:a", true},
		{"unknown", "", false},
		{"other", "", false},
	}
	for _, tt := range tests {
		v, known := table.Value(r, []byte(tt.name))
		if string(v.B) != tt.want || known != tt.known || table.Known(tt.name) != tt.known {
			t.Errorf("%s: %q, %v", tt.name, v.B, known)
		}
	}
}

func TestSingle(t *testing.T) {
	table := newTable(t)
	for src, want := range map[string]string{"$uri": "uri", "${uri}": "uri", "$1": "1", "$uri ": "", "x": "", "": ""} {
		x, _ := table.Compile(src)
		f, ok := x.Single()
		if ok != (want != "") || ok && f.Name() != want {
			t.Errorf("%q: %v", src, ok)
		}
	}
}

func quick(t testing.TB) (*Text[*ask], *ask) {
	table := NewTable(Hooks[*ask]{Slots: func(r *ask) []Value { return r.slots }})
	uri := []byte("/index.html")
	table.Add(Var[*ask]{Name: "uri", Get: func(*ask, string) Value { return Value{B: uri} }})
	table.Add(Var[*ask]{Name: "id", Cache: true, Get: func(*ask, string) Value { return Value{B: uri} }})
	table.Add(Var[*ask]{Name: "http_", Get: func(*ask, string) Value { return Value{B: uri} }})
	table.DefineGet("map", true, func(*ask) Value { return Value{B: uri} })
	f, _ := table.DefineSet("v")
	x, err := table.Compile("a$uri-$http_host $v$id$map")
	if err != nil {
		t.Fatal(err)
	}
	table.Finish()
	r := (&ask{}).ready(table)
	f.Set(r, uri)
	return x, r
}

func TestAppendAllocs(t *testing.T) {
	x, r := quick(t)
	dst := make([]byte, 0, 200)
	n := testing.AllocsPerRun(100, func() {
		clear(r.slots)
		dst = x.Append(dst[:0], r)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	x, r := quick(b)
	dst := make([]byte, 0, 200)
	b.ReportAllocs()
	for b.Loop() {
		dst = x.Append(dst[:0], r)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"a$uri", "${uri}", "$", "${", "$1$10", "$http_x${args}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		table := newTable(t)
		x, err := table.Compile(s)
		if err != nil {
			return
		}
		table.Finish()
		var back strings.Builder
		for _, p := range x.Parts() {
			switch {
			case p.Ref == nil:
				back.Write(p.Lit)
			case p.Ref.group > 0:
				back.WriteString("$" + p.Ref.Name())
			default:
				back.WriteString("${" + p.Ref.Name() + "}")
			}
		}
		r := (&ask{uri: "/u"}).ready(table)
		y, err := table.Compile(back.String())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := x.Append(nil, r), y.Append(nil, r); string(a) != string(b) {
			t.Fatalf("%q became %q", a, b)
		}
	})
}

// TestChangeable gives built-in variables another value, by set, by map and by a capture.
func TestChangeable(t *testing.T) {
	table := NewTable(Hooks[*ask]{Slots: func(r *ask) []Value { return r.slots }})
	for _, name := range []string{"a", "b", "c", "d"} {
		err := table.Add(Var[*ask]{Name: name, Changeable: true, Get: func(*ask, string) Value { return text("own " + name) }})
		if err != nil {
			t.Fatal(err)
		}
	}
	set, err := table.DefineSet("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := table.DefineGet("b", false, func(*ask) Value { return text("mapped") }); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Define("c"); err != nil {
		t.Fatal(err)
	}
	all, _ := table.Compile("$a|$b|$c|$d")
	table.Finish()
	r := (&ask{}).ready(table)
	if got, want := string(all.Append(nil, r)), "own a|mapped||own d"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	set.Set(r, []byte("set"))
	if got, want := string(all.Append(nil, r)), "set|mapped||own d"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
