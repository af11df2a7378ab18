package lookup

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"weir/conf"
	"weir/load"
	"weir/logs"
	"weir/vars"
)

// A session is a subject that is no request: what stream will ask of.
type session struct {
	addr      netip.Addr
	text      string // $text
	forwarded []string
	slots     []vars.Value
	captures  []int
	source    []byte
	logged    []string
}

func (s *session) Text(x *vars.Text[*session]) []byte { return x.Append(nil, s) }
func (s *session) Lower(b []byte) []byte              { return bytes.ToLower(b) }
func (s *session) ClientAddr() netip.Addr             { return s.addr }
func (s *session) Debugs() bool                       { return true }
func (s *session) Debugf(f string, a ...any)          { s.logged = append(s.logged, fmt.Sprintf(f, a...)) }
func (s *session) Log(_ logs.Level, text string)      { s.logged = append(s.logged, text) }

func (s *session) MatchPattern(p *vars.Pattern, slots []int, text []byte) (bool, error) {
	found, ok, err := p.Find(nil, text)
	if err != nil || !ok {
		return false, err
	}
	s.captures, s.source = found, text
	for i, slot := range slots {
		if slot >= 0 {
			v, took := s.capture(i)
			s.slots[slot] = vars.Value{B: v, Missing: !took}
		}
	}
	return true, nil
}

func (s *session) capture(n int) ([]byte, bool) {
	if 2*n+1 >= len(s.captures) || s.captures[2*n] < 0 {
		return nil, false
	}
	return s.source[s.captures[2*n]:s.captures[2*n+1]], true
}

var _ Subject[*session] = (*session)(nil)

// sessionTable has the variables of sessions.
func sessionTable(t *testing.T) *vars.Table[*session] {
	t.Helper()
	table := vars.NewTable(vars.Hooks[*session]{
		Slots:   func(s *session) []vars.Value { return s.slots },
		Capture: (*session).capture,
	})
	if err := table.Add(vars.Var[*session]{Name: "text", Get: func(s *session, _ string) vars.Value { return vars.Value{B: []byte(s.text)} }}); err != nil {
		t.Fatal(err)
	}
	return table
}

// read reads directives that are asked of sessions.
func read(t *testing.T, outside conf.Outside, text string) (*vars.Table[*session], *conf.Diagnostics) {
	t.Helper()
	table := sessionTable(t)
	of := func(*conf.Call) Street[*session] {
		return Street[*session]{Name: "test", Vars: table, Forwarded: func(s *session) (all [][]byte) {
			for _, v := range s.forwarded {
				all = append(all, []byte(v))
			}
			return all
		}}
	}
	directives := slices.Concat(
		MapDirectives(conf.Main, of), GeoDirectives(conf.Main, of), SplitClientsDirectives(conf.Main, of),
	)
	if outside.Read == nil {
		outside.Read = func(string) ([]byte, error) { return []byte(text), nil }
	}
	all := conf.NewTable(conf.Define("test", "", directives))
	tree, d := conf.Load("test.conf", conf.LoadOptions{Outside: outside, Data: all.Data})
	all.Check(tree, d)
	all.Declare(tree, load.New(load.Options{}, tree, d), d)
	table.Finish()
	return table, d
}

// TestSession asks tables of what is no request.
func TestSession(t *testing.T) {
	table, d := read(t, conf.Outside{}, `
		map $text $mapped { default other; Hello hi; ~^(?<first>[a-z])\d+$ "letter $first of $geo"; }
		map $text $named { hostnames; default -; *.example.org below; .example.net in; }
		geo $geo { default far; 10.0.0.0/8 near; proxy 127.0.0.1; 2001:db8::/32 six; }
		geo $text $asked { ranges; 10.0.0.0-10.0.0.9 few; }
		split_clients $text $split { 50% one; * two; }
	`)
	if d.Failed() {
		t.Fatal(d)
	}
	x, err := table.Compile("$mapped|$named|$geo|$asked|$split")
	if err != nil || table.Finish() != nil {
		t.Fatal(err)
	}
	near, proxy := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("127.0.0.1")
	tests := []struct {
		session
		want string
	}{
		{session{addr: near, text: "hello"}, "hi|-|near||two"},
		{session{addr: near, text: "a12"}, "letter a of near|-|near||two"},
		{session{addr: proxy, text: "10.0.0.3", forwarded: []string{"192.0.2.1", "10.0.0.1"}}, "other|-|near|few|one"},
		{session{addr: netip.MustParseAddr("2001:db8::1"), text: "www.EXAMPLE.org"}, "other|below|six||two"},
		{session{text: "example.net."}, "other|in|far||one"},
	}
	for _, tt := range tests {
		s := tt.session
		s.slots = make([]vars.Value, table.Slots())
		if got := string(x.Append(nil, &s)); got != tt.want {
			t.Errorf("%q from %s: %s, want %s", s.text, s.addr, got, tt.want)
		}
		if !slices.ContainsFunc(s.logged, func(line string) bool { return line == "test geo: "+string(table.Lookup("geo").Get(&s).B) }) {
			t.Errorf("logged %q", s.logged)
		}
	}
}

// TestMapConflicts: what stands twice is told of, wherever it stands.
func TestMapConflicts(t *testing.T) {
	_, d := read(t, conf.Outside{}, "map $text $mapped { a 1; B 2; ~x 3; default 4; b 5; \\a 6; default 7; '' 8; \"\" $nosuch; c $nosuch2; }")
	var got []string
	for _, g := range d.List() {
		got = append(got, fmt.Sprint(g.Pos.Off, " ", g.Text, " ", g.Hint))
	}
	want := []string{
		`47 conflicting parameter "b" the first is in test.conf:1`,
		`52 conflicting parameter "a" `,
		`58 duplicate default map parameter the first is in test.conf:1`,
		`75 conflicting parameter "" the first is in test.conf:1`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
