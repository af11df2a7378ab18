package rewrite

import (
	"errors"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/route"
	"weir/logs"
	"weir/vars"
)

// Map is nginx's map module: variables whose values depend on other variables.
var Map = http.Define(http.Spec[struct{}]{
	Name: "http_map",
	Doc:  "Variables whose values depend on other values.",
	Directives: []conf.Directive[struct{}]{
		{
			Name: "map", In: conf.HTTP, Syntax: "<source:text> <variable:string> { ... }", Opens: conf.Map, Repeat: true,
			Doc: `Makes a variable whose value is looked up by *source*: the line with that text, or, after "~", with a regular expression that
matches it. "default" is for everything else. Texts are compared without regard to case; "\\" before a text takes it as it is. "hostnames" allows
names with a wildcard at either end; "volatile" looks the value up at each use.`,
			Example: "map $http_upgrade $connection_upgrade { default upgrade; '' close; }",
			Declare: declareMap,
		},
		{
			Name: "map_hash_max_size", In: conf.HTTP, Syntax: "<number>", Default: "2048", Support: conf.Ignored,
			Doc: "Accepted and ignored: weir sizes its tables by itself.", Set: conf.Ignore[struct{}](),
		},
		{
			Name: "map_hash_bucket_size", In: conf.HTTP, Syntax: "<number>", Default: "64", Support: conf.Ignored,
			Doc: "Accepted and ignored: weir sizes its tables by itself.", Set: conf.Ignore[struct{}](),
		},
	},
})

// A mapping is one map block.
type mapping struct {
	source    *http.Text
	exact     map[string]*mapValue
	hosts     *route.Names[*mapValue] // with hostnames
	patterns  []mapPattern
	otherwise *mapValue
	hostnames bool
}

// A mapValue is what a line gives: text with variables.
type mapValue struct{ text *http.Text }

type mapPattern struct {
	pattern *vars.Pattern
	slots   []int
	value   *mapValue
}

func declareMap(call *conf.Call) error {
	m := &mapping{exact: map[string]*mapValue{}}
	var err error
	if m.source, err = http.CompileText(call, 0, call.Arg(0)); err != nil {
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
			m.hosts = route.NewNames[*mapValue]()
		case len(n.Words) == 1 && n.Name() == "volatile":
			volatile = true
		case len(n.Words) != 2:
			errs = append(errs, http.ErrorAt(n, -1, "invalid number of the map parameters"))
		default:
			errs = append(errs, m.add(call, n))
		}
	}
	errs = append(errs, http.Env(call).Vars.DefineGet(name, volatile, m.find))
	return errors.Join(errs...)
}

// add reads one line of the block.
func (m *mapping) add(call *conf.Call, n *conf.Node) error {
	text, err := http.Env(call).TextAt(conf.Place{Node: n}, n.Words[1].Text)
	if err != nil {
		return http.ErrorAt(n, 0, "%v", err)
	}
	v := &mapValue{text: text}
	key := n.Name()
	switch {
	case key == "default" && !n.Words[0].Quoted:
		if m.otherwise != nil {
			return conf.Place{Node: n, Arg: -1}.Errorf("duplicate default map parameter").After(firstLine(n))
		}
		m.otherwise = v
		return nil
	case strings.HasPrefix(key, "~"):
		return m.addPattern(call, n, key[1:], v)
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
func (m *mapping) addHost(n *conf.Node, key string, v *mapValue) error {
	err := m.hosts.Add(key, v)
	switch {
	case m.exact[strings.TrimPrefix(key, ".")] != nil || errors.As(err, new(*route.ConflictError)):
		return conf.Place{Node: n, Arg: -1}.Errorf("conflicting parameter \"%s\"", key).After(firstLine(n))
	case err != nil:
		return http.ErrorAt(n, -1, "invalid hostname or wildcard \"%s\"", key)
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

func (m *mapping) addPattern(call *conf.Call, n *conf.Node, source string, v *mapValue) error {
	fold := strings.HasPrefix(source, "*")
	p, err := http.Env(call).Vars.Pattern(strings.TrimPrefix(source, "*"), fold)
	if err != nil {
		return http.ErrorAt(n, -1, "%v", err)
	}
	slots, err := http.Env(call).CaptureSlots(p)
	if err != nil {
		return http.ErrorAt(n, -1, "%v", err)
	}
	m.patterns = append(m.patterns, mapPattern{p, slots, v})
	return nil
}

// find looks the source's value up.
func (m *mapping) find(r *http.Request) http.Value {
	key := r.Text(m.source)
	value := []byte{}
	if v := m.lookup(r, key); v != nil {
		value = r.Text(v.text)
	}
	if r.Debugs() {
		r.Debugf("http map: \"%s\" \"%s\"", key, value)
	}
	return http.Value{B: value}
}

func (m *mapping) lookup(r *http.Request, key []byte) *mapValue {
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
	for i := range m.patterns {
		p := &m.patterns[i]
		ok, err := r.MatchPattern(p.pattern, p.slots, key)
		if err != nil {
			r.Log(logs.Error, err.Error())
			continue
		}
		if ok {
			return p.value
		}
	}
	return m.otherwise
}

// trimDot cuts the final dot off a host name.
func trimDot(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '.' {
		return b[:n-1]
	}
	return b
}
