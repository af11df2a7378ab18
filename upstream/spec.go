package upstream

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"weir/conf"
	"weir/loop"
)

// Spec is a group as the configuration says it. Once all directives have been read it does not change.
type Spec struct {
	Name     string
	Port     uint16      // of an implicit group
	Implicit bool        // nobody declared it: an address in proxy_pass and its kin
	Node     *conf.Node  // the upstream directive, or the directive that named the address
	Block    *conf.Block // whose resolver the group has: that of upstream, or the one in which the address was named

	Servers   []ServerSpec
	Method    Method
	Key       Key // of MethodHash and MethodConsistent
	Two       bool
	LastByte  bool
	Inflight  bool
	Keepalive Keepalive
	Queue     Queue
	StateFile string  // where its servers are, which may be missing; "": they are in the configuration
	Sticky    *Sticky // nil: clients are not tied to servers
	Zone      string  // recorded; state is shared by all loops without it
	ZoneSize  int64

	where   string // file and line of the upstream directive
	chosen  bool   // a method was named
	timed   bool   // least_time was given
	backups bool   // the method named last has backup servers
	slow    bool   // it has servers that begin slowly
}

// ServerSpec is one server directive, or the one server of an implicit group.
type ServerSpec struct {
	Text        string
	Addrs       []loop.Addr // of a server that is looked up while serving: none
	Follow      *Follow     // nil: the addresses do not change
	Weight      int
	MaxFails    int
	FailTimeout time.Duration
	SlowStart   time.Duration
	MaxConns    int
	Down        bool
	Drain       bool // Down to requests that no session ties to the server
	Backup      bool
	Route       string
}

// Follow says how a server is looked up while serving.
type Follow struct {
	Host    string
	Service string // "": the name has addresses
	Port    uint16 // without a service
	// Once says that it is looked up only until it has addresses: the name was not found when the configuration was read.
	Once bool
}

// same reports whether two servers are looked up in the same way, so that one may begin with what the other has found. Once, the port
// and all else are of the server.
func (f *Follow) same(g *Follow) bool {
	return f != nil && g != nil && f.Host == g.Host && f.Service == g.Service
}

// Key is text with $variables, for the http layer to compile. Source is "" when the method has none.
type Key struct {
	Source string
	Node   *conf.Node // the directive, for errors; the key is its argument 0
}

// Method is a balancing method.
type Method uint8

// The methods. The zero value is what nginx does when none is named.
const (
	MethodRoundRobin Method = iota
	MethodLeastConn
	MethodIPHash
	MethodHash
	MethodConsistent
	MethodRandom
	MethodLeastTime
)

// String is the method as one writes it.
func (m Method) String() string {
	return [...]string{"round_robin", "least_conn", "ip_hash", "hash", "hash consistent", "random", "least_time"}[m]
}

// defaultKeepalive is what a declared group has without any keepalive directive, since nginx 1.29.7.
func defaultKeepalive() Keepalive {
	return Keepalive{Max: 32, Local: true, Requests: 1000, Life: time.Hour, Idle: time.Minute}
}

// Declared is every group that one configuration speaks of. It is filled while the configuration is read, by one goroutine.
type Declared struct {
	find     conf.Lookup
	specs    []*Spec
	byNode   map[*conf.Node]*Spec    // declared groups
	byName   map[string]*Spec        // declared groups, by name in lower case
	implicit map[implicitKey]*Spec   // the others
	names    map[string][]netip.Addr // what lookups found, nil: nothing
}

type implicitKey struct {
	host string // lower case
	port uint16
}

// NewDeclared makes an empty one; find may be nil for the system's.
func NewDeclared(find conf.Lookup) *Declared {
	if find == nil {
		find = conf.LookupHost
	}
	return &Declared{
		find:     find,
		byNode:   map[*conf.Node]*Spec{},
		byName:   map[string]*Spec{},
		implicit: map[implicitKey]*Spec{},
		names:    map[string][]netip.Addr{},
	}
}

// Specs are the groups in the order in which they were met.
func (d *Declared) Specs() []*Spec { return d.specs }

// Find returns the declared group of this name, or nil. Names ignore case.
func (d *Declared) Find(name string) *Spec { return d.byName[strings.ToLower(name)] }

// Forget drops what was needed for error messages: it holds on to the configuration's tree.
func (d *Declared) Forget() {
	for _, s := range d.specs {
		s.Node, s.Key.Node, s.Block = nil, nil, nil
		if s.Sticky != nil {
			s.Sticky.Node = nil
		}
	}
	d.byNode = nil
}

// declaredNames are the names of upstream blocks.
func (d *Declared) declaredNames() []string {
	names := make([]string, 0, len(d.byName))
	for _, s := range d.byName {
		names = append(names, s.Name)
	}
	return names
}

func (d *Declared) declare(s *Spec) {
	d.specs = append(d.specs, s)
	d.byNode[s.Node] = s
	d.byName[strings.ToLower(s.Name)] = s
}

// Refer returns the group that a directive such as proxy_pass points to: the declared one of that name, or an implicit one for the address. It may be
// called again for the same target. arg is the argument that holds the target.
func (d *Declared) Refer(c *conf.Call, arg int, t Target) (*Spec, error) {
	if s := d.Find(t.Host); s != nil {
		if t.HasPort {
			return nil, c.Errorf(arg, "upstream %s may not have port %d", quote(t.Host), t.Port)
		}
		return s, nil
	}
	key := implicitKey{strings.ToLower(t.Host), t.Port}
	if s := d.implicit[key]; s != nil {
		return s, nil
	}
	block := c.Block()
	if t.Port == 0 && !t.Unix {
		return nil, c.Errorf(arg, "no port in upstream %s", quote(t.Host))
	}
	server := ServerSpec{Text: t.Text, Weight: 1, MaxFails: 1, FailTimeout: 10 * time.Second}
	var err error
	if server.Addrs, err = d.addresses(&t); err != nil && resolverAround(block) {
		server.Follow = retried(c, arg, &t, err, t.Host)
	} else if err != nil {
		return nil, c.Errorf(arg, "%v in upstream %s", err, quote(t.Host)).Among(t.Host, d.declaredNames())
	}
	s := &Spec{Name: t.Host, Port: t.Port, Implicit: true, Node: c.Node, Block: block, Servers: []ServerSpec{server}}
	d.specs = append(d.specs, s)
	d.implicit[key] = s
	return s, nil
}

// addresses looks a target up, each name once.
func (d *Declared) addresses(t *Target) ([]loop.Addr, error) {
	ips, known := d.names[t.Host]
	if !known {
		var err error
		ips, err = resolve(d.find, t)
		if !t.Unix && !t.IP.IsValid() {
			d.names[t.Host] = ips
		}
		if err != nil {
			return nil, err
		}
	}
	if len(ips) == 0 {
		return nil, errNoSuchHost
	}
	addrs := make([]loop.Addr, len(ips))
	for i, ip := range ips {
		addrs[i] = t.address(ip)
	}
	return addrs, nil
}

// retried says how a name that cannot be found now is looked up again while serving, and warns.
func retried(c *conf.Call, arg int, t *Target, err error, name string) *Follow {
	c.Warn(c.Errorf(arg, "%v in upstream %s", err, quote(name)).Hintf("the resolver is asked again while weir serves"))
	return &Follow{Host: t.Host, Port: t.Port, Once: true}
}

// quote puts s in quotes as nginx does, without escapes.
func quote(s string) string { return fmt.Sprintf("\"%s\"", s) }

// resolve returns the IPs of a target; one invalid Addr for a unix socket.
func resolve(find conf.Lookup, t *Target) ([]netip.Addr, error) {
	if t.Unix || t.IP.IsValid() {
		return []netip.Addr{t.IP}, nil
	}
	ips, err := find(t.Host)
	if err != nil || len(ips) == 0 {
		return nil, errNoSuchHost
	}
	return ips, nil
}
