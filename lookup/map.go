package lookup

import (
	"errors"
	"strings"

	"weir/conf"
	"weir/http/route"
	"weir/logs"
	"weir/vars"
)

// MapDirectives are nginx's map module in the blocks of one front.
func MapDirectives[R Subject[R]](in conf.Context, of func(*conf.Call) Street[R]) []conf.Directive[struct{}] {
	return []conf.Directive[struct{}]{
		{
			Name: "map", In: in, Syntax: "<source:text> <variable:string> { ... }", Opens: conf.Map, Repeat: true,
			Doc: `Makes a variable whose value is looked up by *source*: the line with that text, or, after "~", with a regular expression that
matches it. "default" is for everything else. Texts are compared without regard to case; "\\" before a text takes it as it is. "hostnames" allows
names with a wildcard at either end; "volatile" looks the value up at each use.`,
			Example: "map $http_upgrade $connection_upgrade { default upgrade; '' close; }",
			Declare: func(call *conf.Call) error { return declareMap(call, of(call)) },
		},
		{
			Name: "map_hash_max_size", In: in, Syntax: "<number>", Default: "2048", Support: conf.Ignored,
			Doc: "Accepted and ignored: weir sizes its tables by itself.", Set: conf.Ignore[struct{}](),
		},
		{
			Name: "map_hash_bucket_size", In: in, Syntax: "<number>", Default: "64", Support: conf.Ignored,
			Doc: "Accepted and ignored: weir sizes its tables by itself.", Set: conf.Ignore[struct{}](),
		},
	}
}

// A mapping is one map block.
type mapping[R Subject[R]] struct {
	street    Street[R]
	source    *vars.Text[R]
	exact     map[string]*vars.Text[R]
	hosts     *route.Names[*vars.Text[R]] // with hostnames
	patterns  []mapPattern[R]
	set       *vars.PatternSet // of the patterns
	otherwise *vars.Text[R]
	hostnames bool

	// Until all lines are read.
	values map[string]*vars.Text[R]
	all    []*vars.Pattern
}

type mapPattern[R Subject[R]] struct {
	pattern *vars.Pattern
	slots   []int
	value   *vars.Text[R]
}

func declareMap[R Subject[R]](call *conf.Call, in Street[R]) error {
	m := &mapping[R]{street: in, exact: map[string]*vars.Text[R]{}, values: map[string]*vars.Text[R]{}}
	var err error
	if m.source, err = in.compile(call.Place(0), call.Arg(0)); err != nil {
		return err
	}
	name, err := vars.ParseName(call.Arg(1))
	if err != nil {
		return call.Errorf(1, "%v", err)
	}
	volatile := false
	var errs []error
	for _, n := range call.Body().Nodes {
		switch {
		case !n.OK():
		case len(n.Words) == 1 && n.Name() == "hostnames":
			m.hostnames = true
			m.hosts = route.NewNames[*vars.Text[R]]()
		case len(n.Words) == 1 && n.Name() == "volatile":
			volatile = true
		case len(n.Words) != 2:
			errs = append(errs, errorAt(n, -1, "invalid number of the map parameters"))
		default:
			if err := m.add(n); err != nil {
				errs = append(errs, err)
			}
		}
	}
	m.values = nil
	m.set = vars.NewPatternSet(m.all)
	m.all = nil
	return errors.Join(append(errs, in.Vars.DefineGet(name, volatile, m.find))...)
}

// value is the text of a value, the same for all lines that have it.
func (m *mapping[R]) value(n *conf.Node) (*vars.Text[R], error) {
	source := n.Words[1].Text
	if v := m.values[source]; v != nil {
		return v, nil
	}
	v, err := m.street.compile(conf.Place{Node: n}, source)
	if err == nil {
		m.values[source] = v
	}
	return v, err
}

// add reads one line of the block.
func (m *mapping[R]) add(n *conf.Node) error {
	v, err := m.value(n)
	if err != nil {
		return err
	}
	key := n.Name()
	switch {
	case key == "default" && !n.Words[0].Quoted:
		if m.otherwise != nil {
			return conf.Place{Node: n, Arg: -1}.Errorf("duplicate default map parameter").After(firstLine(n))
		}
		m.otherwise = v
		return nil
	case strings.HasPrefix(key, "~"):
		return m.addPattern(n, key[1:], v)
	case strings.HasPrefix(key, "\\"):
		key = key[1:]
	}
	key = strings.ToLower(key)
	if m.hostnames {
		return m.addHost(n, key, v)
	}
	if m.exact[key] != nil {
		return conf.Place{Node: n, Arg: -1}.Errorf("conflicting parameter \"%s\"", key).After(firstLine(n))
	}
	m.exact[key] = v
	return nil
}

// addHost reads a line after hostnames.
func (m *mapping[R]) addHost(n *conf.Node, key string, v *vars.Text[R]) error {
	err := m.hosts.Add(key, v)
	switch {
	case m.exact[strings.TrimPrefix(key, ".")] != nil || errors.As(err, new(*route.ConflictError)):
		return conf.Place{Node: n, Arg: -1}.Errorf("conflicting parameter \"%s\"", key).After(firstLine(n))
	case err != nil:
		return errorAt(n, -1, "invalid hostname or wildcard \"%s\"", key)
	}
	return nil
}

// firstLine is the first line of the block with the same key as n.
func firstLine(n *conf.Node) *conf.Node {
	for _, first := range n.In.Nodes {
		if strings.EqualFold(first.Name(), n.Name()) && first != n {
			return first
		}
	}
	return nil
}

func (m *mapping[R]) addPattern(n *conf.Node, source string, v *vars.Text[R]) error {
	fold := strings.HasPrefix(source, "*")
	p, err := m.street.Vars.Pattern(strings.TrimPrefix(source, "*"), fold)
	if err != nil {
		return errorAt(n, -1, "%v", err)
	}
	slots, err := m.street.Vars.DefineGroups(p)
	if err != nil {
		return errorAt(n, -1, "%v", err)
	}
	m.patterns = append(m.patterns, mapPattern[R]{p, slots, v})
	m.all = append(m.all, p)
	return nil
}

// find looks the source's value up.
func (m *mapping[R]) find(r R) vars.Value {
	key := r.Text(m.source)
	value := []byte{}
	if v := m.lookup(r, key); v != nil {
		value = r.Text(v)
	}
	if r.Debugs() {
		r.Debugf("%s map: \"%s\" \"%s\"", m.street.Name, key, value)
	}
	return vars.Value{B: value}
}

func (m *mapping[R]) lookup(r R, key []byte) *vars.Text[R] {
	low := r.Lower(key)
	if m.hostnames {
		low = trimDot(low)
	}
	if v := m.exact[string(low)]; v != nil {
		return v
	}
	if m.hosts != nil {
		if v, ok, _ := m.hosts.Find(low, nil); ok {
			return v
		}
	}
	value := m.otherwise
	m.set.Find(key, func(i int) bool {
		p := &m.patterns[i]
		ok, err := r.MatchPattern(p.pattern, p.slots, key)
		if err != nil {
			r.Log(logs.Error, err.Error())
		}
		if ok && err == nil {
			value = p.value
		}
		return ok && err == nil
	})
	return value
}

// trimDot cuts the final dot off a host name.
func trimDot(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '.' {
		return b[:n-1]
	}
	return b
}
