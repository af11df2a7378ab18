package lookup

import (
	"slices"
	"testing"

	"weir/conf"
	"weir/load"
	"weir/vars"
)

// A program is what a block of sessions does: what it sets, in order, and what it answers.
type program struct {
	sets   []Assignment[*session]
	answer *vars.Text[*session]
}

func (p *program) run(s *session) string {
	for i := range p.sets {
		p.sets[i].Run(s)
	}
	if p.answer.Empty() {
		return "nothing"
	}
	return string(s.Text(p.answer))
}

// readProgram reads set and return of a block that is no http's.
func readProgram(t *testing.T, text string) (*program, *vars.Table[*session], []string) {
	t.Helper()
	table := sessionTable(t)
	of := func(*conf.Call) Street[*session] { return Street[*session]{Name: "test", Vars: table} }
	module := conf.Define("test", "", []conf.Directive[program]{
		SetDirective(conf.Main, of, func(p *program, a Assignment[*session]) { p.sets = append(p.sets, a) }),
		{
			Name: "return", In: conf.Main, Syntax: "<text>", Inherit: conf.Never, Set: func(p *program, call *conf.Call) (err error) {
				in := of(call)
				p.answer, err = in.Text(call, 0)
				return err
			},
		},
	})
	tree, d := conf.Parse("test.conf", text)
	all := conf.NewTable(module)
	all.Check(tree, d)
	env := load.New(load.Options{}, tree, d)
	all.Declare(tree, env, d)
	p := conf.Settings[program](all.NewScopes(tree, env, d), module, tree.Main)
	var said []string
	for _, g := range d.List() {
		said = append(said, g.Text)
	}
	for _, err := range table.Finish() {
		said = append(said, err.Error())
	}
	return p, table, said
}

// TestSet has sessions set variables and answer with text.
func TestSet(t *testing.T) {
	tests := []struct{ conf, want, fault string }{
		{`return "$text!";`, "hello!", ""},
		{`set $a $text; set $b "$a, $a"; return $b;`, "hello, hello", ""},
		{`set $a 1; set $a "$a.2"; return $a;`, "1.2", ""},
		{`set $text changed; return $text;`, "", `the duplicate "text" variable`},
		{`set a 1;`, "nothing", `invalid variable name "a"`},
		{`return "";`, "nothing", ""},
		{`return $later; set $later x;`, "x", ""},
		{`return $never;`, "", `unknown "never" variable`},
	}
	for _, tt := range tests {
		p, table, said := readProgram(t, tt.conf)
		if fault := slices.Concat(said, []string{""})[0]; fault != tt.fault {
			t.Errorf("%s says %q, want %q", tt.conf, said, tt.fault)
		}
		if tt.want == "" {
			continue
		}
		s := &session{text: "hello", slots: make([]vars.Value, table.Slots())}
		if got := p.run(s); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.conf, got, tt.want)
		}
		if len(p.sets) > 0 && !slices.Contains(s.logged, "test script set $"+p.sets[0].ref.Name()) {
			t.Errorf("logged %q", s.logged)
		}
	}
}
