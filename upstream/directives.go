package upstream

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"weir/conf"
	"weir/load"
)

// In returns the groups that are being declared in a load.
func In(e *load.Env) *Declared {
	return e.Shared((*Declared)(nil), func() any { return NewDeclared(e.Tree.Lookup) }).(*Declared)
}

// in returns those of the load that a directive is read in.
func in(c *conf.Call) *Declared { return In(load.Of(c)) }

// settings has nothing: all of this module is declared, not inherited.
type settings struct{}

const (
	defaultFailTimeout = 10 * time.Second
	smallestZone       = 8 * 4096
)

// Module makes the table of nginx's ngx_http_upstream_module and the modules
// that add directives to upstream { }.
func Module() *conf.Module {
	return conf.Define("upstream", "Groups of servers, and how one of them is chosen.",
		append(groupDirectives(), methodDirectives()...))
}

func groupDirectives() []conf.Directive[settings] {
	return []conf.Directive[settings]{
		{
			Name:    "upstream",
			In:      conf.HTTP,
			Syntax:  "<name:string> { ... }",
			Repeat:  true,
			Opens:   conf.Upstream,
			Declare: declareGroup,
			Doc:     "Declares a group of servers, for proxy_pass and its kin to name.",
			Example: "upstream app { server 127.0.0.1:8081 weight=2; server 127.0.0.1:8082; }",
		},
		{
			Name:    "server",
			In:      conf.Upstream,
			Syntax:  "<address:string> [weight=<number>] [max_conns=<number>] [max_fails=<number>] [fail_timeout=<seconds>] [slow_start=<time>] [backup] [down] [drain] [route=<string>] [resolve] [service=<string>]",
			Repeat:  true,
			Declare: onSpec(addServer),
			Doc: `Adds a server to the group. A name that has several addresses adds them all.

After *max_fails* failures within *fail_timeout* the server is put aside for *fail_timeout*; then one request probes it.
A **backup** gets requests when no other server can; a server that is **down** gets none, and one that is to **drain** only those that
[sticky] ties to it, by its **route**. One that comes back, after it was put aside or has failed [health_check], gets its whole share of requests only after
**slow_start**, and less before.

With **resolve** a name is looked up while serving, as often as its answers say, and the servers it leads to are those of the group; what stays keeps its
state. It needs "zone" and "resolver". **service** is that of a name with SRV records: host, port, weight, and which are backups, come from there.
A name that cannot be found when the configuration is read is an error, unless there is a resolver: then it is asked for until there is an answer.`,
			Example: "upstream app { zone app 64k; resolver 127.0.0.53; server app.example.com:8080 resolve; }",
		},
		{
			Name:    "zone",
			In:      conf.Upstream,
			Syntax:  "! 1-2 <name> [<size>]",
			Repeat:  true,
			Declare: onSpec(declareZone),
			Doc: `Names the state of the group, which [api] then shows and changes. It is always shared by the whole process; the size is checked and
has no effect.`,
		},
		{
			Name:    "state",
			In:      conf.Upstream,
			Syntax:  "<file:string>",
			Declare: onSpec(declareState),
			Doc: `Keeps the servers of the group in a *file* of "server" directives, as NGINX Plus does. A file that is not there is a group without servers: it
answers with 502.

The file is read with the configuration, and written whenever [api] changes the group: another file takes its place, so that the folder must be one
that the worker's "user" may make files in. What cannot be written is not changed. Each group needs a file of its own.`,
			Example: "upstream app { zone app 64k; state /var/lib/nginx/state/app.conf; }",
		},
		{
			Name:    "queue",
			In:      conf.Upstream,
			Syntax:  "<number> [timeout=<time>]",
			Declare: onSpec(declareQueue),
			Doc: `How many requests may wait for a server when none can be used now, because all have as many as **max_conns** allows or are put aside.

Who waits longer than *timeout* (60 seconds), or finds so many waiting, is answered with 502. [$upstream_queue_time] tells how long a request has
waited. The directive comes behind that of the balancing method.`,
			Example: "upstream app { server 127.0.0.1:8081 max_conns=100; queue 1000 timeout=10s; }",
		},
		{
			Name:    "keepalive",
			In:      conf.Upstream,
			Syntax:  "! 1-2 <connections:number> [local]",
			Default: "32 local",
			Declare: onSpec(declareKeepalive),
			Doc: `The number of idle connections to keep for each worker; 0 keeps none. All workers share them.

With **local**, a connection serves only the location that made it.`,
		},
		{
			Name:    "keepalive_requests",
			In:      conf.Upstream,
			Syntax:  "<number>",
			Default: "1000",
			Declare: onSpec(func(s *Spec, c *conf.Call) error {
				s.Keepalive.Requests, _ = conf.ParseInt(c.Arg(0))
				return nil
			}),
			Doc: "Closes a connection after this number of requests.",
		},
		{
			Name:    "keepalive_time",
			In:      conf.Upstream,
			Syntax:  "<time>",
			Default: "1h",
			Declare: onSpec(func(s *Spec, c *conf.Call) error {
				s.Keepalive.Life, _ = conf.ParseTime(c.Arg(0))
				return nil
			}),
			Doc: "Closes a connection after the first request that ends later than this after its making.",
		},
		{
			Name:    "keepalive_timeout",
			In:      conf.Upstream,
			Syntax:  "<time>",
			Default: "60s",
			Declare: onSpec(func(s *Spec, c *conf.Call) error {
				s.Keepalive.Idle, _ = conf.ParseTime(c.Arg(0))
				return nil
			}),
			Doc: "Closes a connection that was idle for so long.",
		},
	}
}

// onSpec finds the group that a directive stands in. There is none when the
// upstream directive itself was wrong; then nothing is to be done.
func onSpec(f func(s *Spec, c *conf.Call) error) func(*conf.Call) error {
	return func(c *conf.Call) error {
		s := in(c).byNode[c.Block().Node]
		if s == nil {
			return nil
		}
		return f(s, c)
	}
}

func declareGroup(c *conf.Call) error {
	d := in(c)
	name := c.Arg(0)
	if d.Find(name) != nil {
		return c.Errorf(0, "duplicate upstream %s", quote(name)).After(d.Find(name).Node)
	}
	if c.Body().First("server") == nil && c.Body().First("state") == nil {
		if slices.ContainsFunc(c.Body().Nodes, func(n *conf.Node) bool { return !n.OK() }) {
			return nil // one of them may be meant for a server, and is told of already
		}
		return c.Errorf(-1, "no servers are inside upstream").Ending(c.Body())
	}
	at := c.Tree().Position(c.Node.Pos())
	d.declare(&Spec{
		Name: name, Node: c.Node, Block: c.Body(), where: fmt.Sprintf("%s:%d", at.File, at.Line),
		Keepalive: defaultKeepalive(), backups: true, slow: true,
	})
	return nil
}

func addServer(s *Spec, c *conf.Call) error {
	server := ServerSpec{
		Weight: c.IntOr("weight", 1), MaxFails: c.IntOr("max_fails", 1), MaxConns: c.Int("max_conns"),
		FailTimeout: defaultFailTimeout, SlowStart: c.Time("slow_start"),
		Backup: c.Has("backup"), Down: c.Has("down"), Drain: c.Has("drain"), Route: c.String("route"),
	}
	if w, ok := c.Key("fail_timeout"); ok {
		server.FailTimeout, _ = conf.ParseSeconds(w.Text)
	}
	if err := checkServer(s, c, &server); err != nil {
		return err
	}
	service := c.String("service")
	if service != "" && !c.Has("resolve") {
		return c.Errorf(c.Index("service"), "service upstream %s requires \"resolve\" parameter", quote(c.Arg(0)))
	}
	t, _, err := ParseTarget(c.Arg(0), 80, false)
	if err != nil {
		return c.Errorf(0, "%v in upstream %s", err, quote(c.Arg(0)))
	}
	server.Text = t.Text
	named := !t.Unix && !t.IP.IsValid()
	switch {
	case service != "" && (t.HasPort || t.Unix): // a path is nginx's port
		return c.Errorf(0, "service upstream %s may not have port", quote(c.Arg(0)))
	case service != "" && !named:
		return c.Errorf(0, "service upstream %s requires domain name", quote(c.Arg(0)))
	case named && c.Has("resolve"):
		server.Follow = &Follow{Host: t.Host, Service: service, Port: t.Port}
	default:
		if server.Addrs, err = in(c).addresses(&t); err != nil && resolverAround(c.Block()) {
			server.Follow = retried(c, 0, &t, err, c.Arg(0))
		} else if err != nil {
			return c.Errorf(0, "%v in upstream %s", err, quote(c.Arg(0)))
		}
	}
	s.Servers = append(s.Servers, server)
	return nil
}

// checkServer finds what the syntax line cannot say.
func checkServer(s *Spec, c *conf.Call, server *ServerSpec) error {
	if w, ok := c.Key("weight"); ok && server.Weight == 0 {
		return c.Errorf(c.Index("weight"), "invalid parameter %s", quote("weight="+w.Text))
	}
	if server.Backup && !s.backups {
		return c.Errorf(c.Index("backup"), "balancing method does not support parameter \"backup\"")
	}
	if server.SlowStart > 0 && !s.slow {
		return c.Errorf(c.Index("slow_start"), "balancing method does not support parameter \"slow_start\"")
	}
	if w, ok := c.Key("route"); ok && w.Text == "" {
		return c.Errorf(c.Index("route"), "route is empty")
	} else if len(w.Text) > 32 {
		return c.Errorf(c.Index("route"), "route is longer than 32")
	}
	if w, ok := c.Key("service"); ok && w.Text == "" {
		return c.Errorf(c.Index("service"), "service is empty")
	}
	return nil
}

// zoneUse is what a zone of shared memory is for here.
const zoneUse = "upstream"

func declareZone(s *Spec, c *conf.Call) error {
	name := c.Arg(0)
	if name == "" {
		return c.Errorf(0, "invalid zone name \"\"")
	}
	size := int64(0)
	if c.Len() == 2 {
		var err error
		if size, err = conf.ParseSize(c.Arg(1)); err != nil {
			return c.Errorf(1, "invalid zone size %s", quote(c.Arg(1)))
		}
		if size < smallestZone {
			return c.Errorf(0, "zone %s is too small", quote(name))
		}
	}
	if _, err := load.Of(c).Zones.Declare(name, size, zoneUse); err != nil {
		return c.Errorf(1, "%v", err)
	}
	s.Zone, s.ZoneSize = name, size
	return nil
}

// declareState takes note of it: the file was read with the configuration, and what is in it follows in the block.
func declareState(s *Spec, c *conf.Call) error {
	for _, n := range c.Block().Nodes {
		if n.Name() == "server" && n.Pos().File == c.Node.Pos().File {
			return c.Errorf(-1, "\"state\" directive is incompatible with \"server\"").After(n)
		}
	}
	s.StateFile = c.Arg(0)
	if !filepath.IsAbs(s.StateFile) {
		s.StateFile = filepath.Join(load.Of(c).Prefix, s.StateFile)
	}
	return nil
}

func declareQueue(s *Spec, c *conf.Call) error {
	n, err := conf.ParseInt(c.Arg(0))
	if err != nil || n == 0 {
		return c.Errorf(0, "invalid value %s in \"queue\" directive", quote(c.Arg(0)))
	}
	s.Queue = Queue{Max: n, Timeout: time.Minute}
	if _, ok := c.Key("timeout"); ok {
		s.Queue.Timeout = c.Time("timeout")
	}
	return nil
}

func declareKeepalive(s *Spec, c *conf.Call) error {
	n, err := conf.ParseInt(c.Arg(0))
	if err != nil {
		return c.Errorf(0, "invalid value %s in \"keepalive\" directive", quote(c.Arg(0)))
	}
	s.Keepalive.Max, s.Keepalive.Local = n, false
	if c.Len() == 2 {
		if c.Arg(1) != "local" {
			return c.Errorf(1, "invalid parameter %s", quote(c.Arg(1)))
		}
		s.Keepalive.Local = true
	}
	return nil
}
