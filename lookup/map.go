package lookup

import (
	"errors"
	"slices"
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
		conf.TableSize[struct{}]("map_hash_max_size", in, "2048"),
		conf.TableSize[struct{}]("map_hash_bucket_size", in, "64"),
	}
}

// A mapping is one map block.
type mapping[R Subject[R]] struct {
	street    Street[R]
	source    *vars.Text[R]
	exact     words
	of        []value             // of the exact ones, by number
	hosts     *route.Names[value] // with hostnames
	patterns  []mapPattern
	set       *vars.PatternSet // of the patterns
	otherwise value            // where there is a default
	hasOther  bool
	hostnames bool

	values words                   // as they are written
	texts  map[value]*vars.Text[R] // of those with variables

	all       []*vars.Pattern // until all lines are read
	conflicts int
}

// A value is the number of one of the texts on the right side of a map.
type value uint32

type mapPattern struct {
	pattern *vars.Pattern
	slots   []int
	value   value
}

// maxFirst is of how many lines that conflict with another it is told where the other one is, for which all are searched.
const maxFirst = 100

func declareMap[R Subject[R]](call *conf.Call, in Street[R]) error {
	m := &mapping[R]{street: in}
	var err error
	if m.source, err = in.compile(call.Spot(0), call.Arg(0)); err != nil {
		return err
	}
	name, err := vars.ParseName(call.Arg(1))
	if err != nil {
		return call.Errorf(1, "%v", err)
	}
	volatile := false
	var errs []error
	for n := range call.Body().Lines() {
		switch {
		case len(n.Words) == 1 && n.Name() == "hostnames":
			m.hostnames = true
			m.hosts = route.NewNames[value]()
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
	m.set = vars.NewPatternSet(m.all)
	m.all = nil
	return errors.Join(append(errs, in.Vars.DefineGet(name, volatile, m.find))...)
}

// value is the number of a line's value.
func (m *mapping[R]) value(n *conf.Node) (value, error) {
	source := n.Words[1].Text
	number, added := m.values.add(source)
	v := value(number)
	if strings.IndexByte(source, '$') < 0 || !added && m.texts[v] != nil {
		return v, nil
	}
	text, err := m.street.compile(conf.Spot{Node: n}, source)
	if err != nil {
		return 0, err
	}
	if m.texts == nil {
		m.texts = map[value]*vars.Text[R]{}
	}
	m.texts[v] = text
	return v, nil
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
		if m.hasOther {
			return m.conflict(n, "duplicate default map parameter")
		}
		m.otherwise, m.hasOther = v, true
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
	if _, added := m.exact.add(key); !added {
		return m.conflict(n, "conflicting parameter \""+key+"\"")
	}
	if len(m.of) == cap(m.of) { // at once twice as much: the collector waits while a configuration is read
		m.of = slices.Grow(m.of, len(m.of)+8)
	}
	m.of = append(m.of, v)
	return nil
}

// addHost reads a line after hostnames.
func (m *mapping[R]) addHost(n *conf.Node, key string, v value) error {
	err := m.hosts.Add(key, v)
	_, had := m.exact.find([]byte(strings.TrimPrefix(key, ".")))
	switch {
	case had || errors.As(err, new(*route.ConflictError)):
		return m.conflict(n, "conflicting parameter \""+key+"\"")
	case err != nil:
		return errorAt(n, -1, "invalid hostname or wildcard \"%s\"", key)
	}
	return nil
}

// conflict is the error of a line whose key another one has.
func (m *mapping[R]) conflict(n *conf.Node, text string) error {
	err := conf.Spot{Node: n, Arg: -1}.Errorf("%s", text)
	if m.conflicts++; m.conflicts > maxFirst {
		return err
	}
	for first := range n.In.Lines() {
		if strings.EqualFold(first.Name(), n.Name()) && first.Pos() != n.Pos() {
			first.Keep()
			return err.After(first)
		}
	}
	return err
}

func (m *mapping[R]) addPattern(n *conf.Node, source string, v value) error {
	fold := strings.HasPrefix(source, "*")
	p, err := m.street.Vars.Pattern(strings.TrimPrefix(source, "*"), fold)
	if err != nil {
		return errorAt(n, -1, "%v", err)
	}
	slots, err := m.street.Vars.DefineGroups(p)
	if err != nil {
		return errorAt(n, -1, "%v", err)
	}
	m.patterns = append(m.patterns, mapPattern{p, slots, v})
	m.all = append(m.all, p)
	return nil
}

// find looks the source's value up.
func (m *mapping[R]) find(r R) vars.Value {
	key := r.Text(m.source)
	found := []byte{}
	if v, ok := m.lookup(r, key); ok {
		if text := m.texts[v]; text != nil {
			found = r.Text(text)
		} else {
			found = m.values.text(uint32(v))
		}
	}
	if r.Debugs() {
		r.Debugf("%s map: \"%s\" \"%s\"", m.street.Name, key, found)
	}
	return vars.Value{B: found}
}

func (m *mapping[R]) lookup(r R, key []byte) (v value, ok bool) {
	low := r.Lower(key)
	if m.hostnames {
		low = trimDot(low)
	}
	if n, ok := m.exact.find(low); ok {
		return m.of[n], true
	}
	if m.hosts != nil {
		if v, ok, _ := m.hosts.Find(low, nil); ok {
			return v, true
		}
	}
	v, ok = m.otherwise, m.hasOther
	m.set.Find(key, func(i int) bool {
		p := &m.patterns[i]
		matched, err := r.MatchPattern(p.pattern, p.slots, key)
		if err != nil {
			r.Log(logs.Error, err.Error())
		}
		if matched = matched && err == nil; matched {
			v, ok = p.value, true
		}
		return matched
	})
	return v, ok
}

// trimDot cuts the final dot off a host name.
func trimDot(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '.' {
		return b[:n-1]
	}
	return b
}
