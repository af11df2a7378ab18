package proxy

import (
	"strconv"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/vars"
)

// A match is what the answer to a health check must be.
type match struct {
	name     string
	statuses []statusTest
	headers  []headerTest
	required []*http.Text
	bodies   []bodyTest
}

// A statusTest is passed by a status in one of its ranges, or in none of them.
type statusTest struct {
	not    bool
	ranges [][2]int
}

// A headerTest is one "header".
type headerTest struct {
	name  string
	not   bool // the outcome is turned round
	value *string
	regex *vars.Pattern
}

type bodyTest struct {
	not   bool
	regex *vars.Pattern
}

// matches are the "match" blocks of a configuration.
type matches struct {
	byName map[string]*match
	byNode map[*conf.Node]*match
}

// matchDirectives say what a good answer to a health check is.
func matchDirectives() []conf.Directive[healthConf] {
	return []conf.Directive[healthConf]{
		{
			Name: "match", In: conf.HTTP, Syntax: "<name> { ... }", Repeat: true, Opens: conf.Match, Declare: declareMatch,
			Doc:     "Says what the answer to a [health_check] must be: all that stands in the block must be so. Of the body the first 256 KB are looked at.",
			Example: "match ok { status 200-299; header Content-Type = text/html; body !~ maintenance; }",
		},
		{
			Name: "status", In: conf.Match, Syntax: "! 1- [!] <code>[-<code>] ...", Repeat: true, Declare: inMatch(addStatus),
			Doc: "The status is one of these *codes* or in one of these ranges; with **!** it is not.",
		},
		{
			Name: "header", In: conf.Match, Syntax: "! 1-3 [!] <name>\n! 3 <name> = | != <value>\n! 3 <name> ~ | ~* | !~ | !~* <regex>", Repeat: true, Declare: inMatch(addHeader),
			Doc: "The response has a header field of this *name*, or with **!** has not; or the field has this *value* (**=**), matches the regular expression (**~**, **~*** without regard to case), or does not.",
		},
		{
			Name: "body", In: conf.Match, Syntax: "! 2 ~ | ~* | !~ | !~* <regex>", Repeat: true, Declare: inMatch(addBody),
			Doc: "The body matches a regular expression, or does not.",
		},
		{
			Name: "require", In: conf.Match, Syntax: "$<variable> ...", Repeat: true, Declare: inMatch(addRequire),
			Doc:     "Each of these variables is neither empty nor \"0\". Of the variables those of the response are of use, such as $upstream_status and $upstream_http_….",
			Example: "match ok { require $upstream_http_x_ready; }",
		},
	}
}

func declareMatch(call *conf.Call) error {
	all := http.Of[matches](http.Env(call))
	if all.byName == nil {
		all.byName, all.byNode = map[string]*match{}, map[*conf.Node]*match{}
	}
	m := &match{name: call.Arg(0)}
	if all.byName[m.name] != nil {
		return call.Errorf(0, "duplicate match \"%s\"", m.name)
	}
	all.byName[m.name], all.byNode[call.Node] = m, m
	http.Env(call).AtEnd(func() error { all.byNode = nil; return nil })
	return nil
}

// inMatch finds the match that a directive stands in. There is none when the block itself was wrong.
func inMatch(f func(m *match, call *conf.Call) error) func(*conf.Call) error {
	return func(call *conf.Call) error {
		if m := http.Of[matches](http.Env(call)).byNode[call.Block().Node]; m != nil {
			return f(m, call)
		}
		return nil
	}
}

func addStatus(m *match, call *conf.Call) error {
	t := statusTest{not: call.Arg(0) == "!"}
	from := 0
	if t.not {
		from = 1
	}
	for i := from; i < call.Len(); i++ {
		low, high, ranged := strings.Cut(call.Arg(i), "-")
		a, err1 := strconv.Atoi(low)
		b, err2 := a, error(nil)
		if ranged {
			b, err2 = strconv.Atoi(high)
		}
		if err1 != nil || err2 != nil || a < 100 || b > 999 || a > b {
			return call.Errorf(i, "invalid status \"%s\"", call.Arg(i))
		}
		t.ranges = append(t.ranges, [2]int{a, b})
	}
	if len(t.ranges) == 0 {
		return call.Errorf(-1, "no status is given")
	}
	m.statuses = append(m.statuses, t)
	return nil
}

// operator takes a test apart: =, ~, ~*, and with ! before them their opposites.
func operator(s string) (not, regex, fold, ok bool) {
	s, not = strings.CutPrefix(s, "!")
	switch s {
	case "=":
		return not, false, false, true
	case "~":
		return not, true, false, true
	case "~*":
		return not, true, true, true
	}
	return false, false, false, false
}

// regexAt compiles the regular expression at arg.
func regexAt(call *conf.Call, arg int, fold bool) (*vars.Pattern, error) {
	p, err := http.Env(call).Vars.Pattern(call.Arg(arg), fold)
	if err != nil {
		return nil, call.Errorf(arg, "%v", err)
	}
	return p, nil
}

func addHeader(m *match, call *conf.Call) error {
	t := headerTest{name: call.Arg(0)}
	switch {
	case call.Len() == 1 && t.name != "!":
	case call.Len() == 2 && t.name == "!":
		t.name, t.not = call.Arg(1), true
	case call.Len() == 3:
		not, regex, fold, ok := operator(call.Arg(1))
		if !ok {
			return call.Errorf(1, "invalid operator \"%s\"", call.Arg(1))
		}
		t.not = not
		if !regex {
			value := call.Arg(2)
			t.value = &value
			break
		}
		var err error
		if t.regex, err = regexAt(call, 2, fold); err != nil {
			return err
		}
	default:
		return call.Errorf(-1, "invalid parameters in \"header\"")
	}
	m.headers = append(m.headers, t)
	return nil
}

func addBody(m *match, call *conf.Call) error {
	not, regex, fold, ok := operator(call.Arg(0))
	if !ok || !regex {
		return call.Errorf(0, "invalid operator \"%s\"", call.Arg(0))
	}
	p, err := regexAt(call, 1, fold)
	if err != nil {
		return err
	}
	m.bodies = append(m.bodies, bodyTest{not, p})
	return nil
}

func addRequire(m *match, call *conf.Call) error {
	for i := range call.Len() {
		if !strings.HasPrefix(call.Arg(i), "$") {
			return call.Errorf(i, "invalid variable name \"%s\"", call.Arg(i))
		}
		t, err := http.CompileText(call, i, call.Arg(i))
		if err != nil {
			return err
		}
		m.required = append(m.required, t)
	}
	return nil
}

// bodyMost is how much of a body is looked at.
const bodyMost = 256 << 10

// looksAtBody reports whether a check needs the body of the answer.
func (m *match) looksAtBody() bool { return m != nil && len(m.bodies) > 0 }

// head tests status and fields, and returns what was tested last, for the log. A nil match wants a status of 2xx or 3xx.
func (m *match) head(status int, fields http.Fields) (doing string, ok bool) {
	doing = "checking status code"
	if m == nil {
		return doing, status >= 200 && status < 400
	}
	for i := range m.statuses {
		if !m.statuses[i].passes(status) {
			return doing, false
		}
	}
	for i := range m.headers {
		doing = "checking header"
		if !m.headers[i].passes(fields) {
			return doing, false
		}
	}
	return doing, true
}

func (t *statusTest) passes(status int) bool {
	for _, r := range t.ranges {
		if status >= r[0] && status <= r[1] {
			return !t.not
		}
	}
	return t.not
}

// passes tests the fields of the name. Where a value is tested there must be a field; several are tested one by one, and each must pass.
func (t *headerTest) passes(fields http.Fields) bool {
	found := false
	for i := range fields {
		f := &fields[i]
		if !field.EqualFold(f.Name, t.name) {
			continue
		}
		found = true
		is := true
		switch {
		case t.value != nil:
			is = string(f.Value) == *t.value
		case t.regex != nil:
			is = fitsPattern(t.regex, f.Value)
		default:
			return !t.not
		}
		if is == t.not {
			return false
		}
	}
	return found || t.not && t.value == nil && t.regex == nil
}

// fitsPattern reports whether a text matches; one that takes too long does not.
func fitsPattern(p *vars.Pattern, text []byte) bool {
	ok, err := p.Match(text)
	return ok && err == nil
}

// body tests the body.
func (m *match) body(b []byte) bool {
	for i := range m.bodies {
		if fitsPattern(m.bodies[i].regex, b) == m.bodies[i].not {
			return false
		}
	}
	return true
}
