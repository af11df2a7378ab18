package proxy

import (
	"strconv"
	"strings"

	"weir/http"
	"weir/http/field"
	"weir/loop"
	"weir/upstream"
)

// A road is what a location with proxy_pass, fastcgi_pass or their kin knows of its peers and of how
// their answers are taken. It does not change once the configuration is built.
type road struct {
	opt      *Options
	schema   string // before the peer's name in log lines
	sizes    sizes
	tag      uint64 // of connections kept for this location only
	groups   *upstream.Set
	group    *upstream.Group // nil: worked out for each request
	keys     map[*upstream.Spec]*http.Text
	key      *http.Text // of group
	hidden   nameSet
	redirect []rewrite
	domains  []rewrite
	paths    []rewrite
	flags    []cookieFlags
	dial     loop.DialOptions
	// stays says that a peer is left to finish when the client has gone: as proxy_ignore_client_abort says, or
	// because the response is stored.
	stays bool
	// sendsBody says that the client's body is passed on; sendsChunks that it may be in chunks.
	sendsBody, sendsChunks bool
}

// A plan is a location with proxy_pass, ready to run.
type plan struct {
	*settings
	road
	pools *pools
	fixed place // of a target known at load
	head  headPlan
}

// pools are the idle exchanges of each loop, and what all plans of a build share.
type pools struct {
	keys   map[*upstream.Spec]*http.Text
	hidden *nameSet // where nothing else is said
	byLoop [maxLoops]*pool
}

// hiddenBy are the fields that clients do not get to see under these settings.
func (p *pools) hiddenBy(o *Options) nameSet {
	if len(o.Hide)+len(o.Pass) > 0 {
		return hiddenNames(o.Hide, o.Pass)
	}
	if p.hidden == nil {
		hidden := hiddenNames(nil, nil)
		p.hidden = &hidden
	}
	return *p.hidden
}

// maxLoops is how many loops have a pool; exchanges on others are left to the collector.
const maxLoops = 512

// pool belongs to one loop.
type pool struct{ free []*httpExchange }

// maxIdle is how many idle exchanges a loop keeps.
const maxIdle = 256

func (p *pools) of(l *loop.Loop) *pool {
	id := l.ID()
	if id >= maxLoops {
		return nil
	}
	if p.byLoop[id] == nil {
		p.byLoop[id] = &pool{}
	}
	return p.byLoop[id]
}

// install equips a location with proxy_pass; the sizes are checked for every block, as in nginx.
func install(c *settings, in *http.Install) error {
	z, culprit, err := c.Options.sizes("proxy_")
	if err != nil {
		return blame(in.Block, "proxy_", culprit, err)
	}
	if c.pass == nil || in.Loc.Nameless && in.HasHandler() {
		return nil
	}
	p := &plan{settings: c, pools: http.Of[pools](in.Builder)}
	p.road = road{
		opt: &c.Options, schema: httpPrefix, sizes: z, tag: connectionTag(c, in),
		hidden: p.pools.hiddenBy(&c.Options), redirect: c.redirect.forTarget(c.pass),
		domains: c.domains.list, paths: c.paths.list, flags: c.flags,
		stays:     c.IgnoreAbort || c.Store.set(),
		sendsBody: c.PassBody && c.setBody == nil, sendsChunks: c.version == http.HTTP11,
	}
	p.head = newHeadPlan(c)
	p.dial = loop.DialOptions{
		Bind: c.Bind.addr, Transparent: c.Bind.transparent,
		SendBuf: int(c.SendBuf), RecvBuf: int(c.RecvBuf), Keepalive: c.SocketKeepalive, NoDelay: true,
	}
	if t := c.pass; t.text == nil {
		p.fixed = place{host: []byte(t.host), uri: []byte(t.uri)}
		if !t.at.Unix {
			p.fixed.port = strconv.AppendUint(nil, uint64(t.at.Port), 10)
		}
	}
	in.Handler(p.serve)
	if name := in.Loc.Name; strings.HasSuffix(name, "/") {
		in.SlashRedirect()
	}
	b := in.Builder
	b.AtEnd(func() error { return p.settle(b) })
	return nil
}

// connectionTag tells locations apart whose kept connections are not shared ("keepalive … local"). A
// location keeps its tag over a reload that leaves it alone.
func connectionTag(c *settings, in *http.Install) uint64 {
	h := tagHash(fnvOffset)
	h.add(in.Loc.Server.Name)
	h.add(in.Loc.Name)
	h.add(c.pass.url)
	h.number(len(in.Builder.App.Servers))
	h.flag(in.Loc.Nameless)
	h.flag(c.Bind.transparent)
	if c.Bind.addr.IsValid() {
		h.add(c.Bind.addr.String())
	}
	if c.Bind.text != nil {
		h.add(c.Bind.text.Source())
	}
	return uint64(h)
}

// A tagHash is FNV-1a over what makes a location; it takes no memory.
type tagHash uint64

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func (h *tagHash) add(s string) {
	for i := range len(s) {
		*h = (*h ^ tagHash(s[i])) * fnvPrime
	}
	h.number(len(s))
}

func (h *tagHash) number(n int) { *h = (*h ^ tagHash(n)) * fnvPrime }

func (h *tagHash) flag(b bool) {
	if b {
		h.number(1)
	} else {
		h.number(0)
	}
}

// settle finds the group that the plan leads to, when all groups are known.
func (p *plan) settle(b *http.Builder) error {
	p.groups = b.Groups()
	if p.pools.keys == nil {
		p.pools.keys = map[*upstream.Spec]*http.Text{}
		for _, spec := range b.Upstreams().Specs() {
			if err := p.pools.compileKey(b, spec); err != nil {
				return err
			}
		}
	}
	p.keys = p.pools.keys
	if t := p.pass; t.text == nil {
		p.group = p.groups.Group(t.spec)
		p.key = p.keys[t.spec]
		p.fixed.group = p.group
	}
	return nil
}

// compileKey compiles the text of a group's "hash".
func (p *pools) compileKey(b *http.Builder, spec *upstream.Spec) error {
	if spec.Key.Source == "" {
		return nil
	}
	text, err := b.Vars.Compile(spec.Key.Source)
	if err != nil {
		return err
	}
	p.keys[spec] = text
	return nil
}

// A nameSet is a set of field names: those of the table as bits, the others by text.
type nameSet struct {
	known [4]uint64
	other []string
}

func (s *nameSet) add(name string) {
	if id := field.Lookup([]byte(name)); id != field.Unknown {
		s.addKnown(id)
		return
	}
	s.other = append(s.other, strings.ToLower(name))
}

func (s *nameSet) addKnown(id field.ID) { s.known[id>>6] |= 1 << (id & 63) }

func (s *nameSet) remove(name string) {
	if id := field.Lookup([]byte(name)); id != field.Unknown {
		s.known[id>>6] &^= 1 << (id & 63)
		return
	}
	for i, o := range s.other {
		if strings.EqualFold(o, name) {
			s.other = append(s.other[:i], s.other[i+1:]...)
			return
		}
	}
}

// has says whether a field's name is in the set, whatever its case.
func (s *nameSet) has(f *http.Field) bool {
	if f.ID != field.Unknown {
		return s.known[f.ID>>6]&(1<<(f.ID&63)) != 0
	}
	for _, o := range s.other {
		if field.EqualFold(f.Name, o) {
			return true
		}
	}
	return false
}

// hiddenNames are the response fields that clients do not get to see.
func hiddenNames(hide, pass []string) (s nameSet) {
	for _, name := range []string{
		"Date", "Server", "X-Pad", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate",
		"X-Accel-Buffering", "X-Accel-Charset",
	} {
		s.add(name)
	}
	for _, name := range hide {
		s.add(name)
	}
	for _, name := range pass {
		s.remove(name)
	}
	return s
}
