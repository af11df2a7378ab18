package proxy

import (
	"fmt"
	"strings"
	"time"

	"weir/conf"
	"weir/http"
	"weir/load"
	"weir/upstream"
)

// healthConf are the health checks of one location.
type healthConf struct{ checks []*checkConf }

// A checkConf is one "health_check".
type checkConf struct {
	upstream.Check
	node      *conf.Node // for errors while it is loaded
	interval  time.Duration
	jitter    time.Duration
	uri       string
	matchName string
	match     *match // nil: the status is 2xx or 3xx
	port      uint16 // 0: that of the peer
	keepalive time.Duration
	grpc      bool // the peer is asked by the health protocol of gRPC
	service   string
	status    int // of gRPC that it is to answer with; -1: that it serves
}

// HealthCheck is NGINX Plus's http upstream hc module: active checks of the peers of a group.
var HealthCheck = http.Define(http.Spec[healthConf]{
	Name: "http_upstream_hc",
	Doc:  "Asks the servers of a group again and again whether they are well.",
	Directives: append([]conf.Directive[healthConf]{{
		Name: "health_check", In: conf.Location, Repeat: true, Inherit: conf.Never,
		Syntax: "[interval=<time>] [jitter=<time>] [fails=<number>] [passes=<number>] [uri=<uri:string>] [mandatory] [persistent] [match=<name>] [port=<number>] " +
			"[type=grpc] [grpc_service=<service:string>] [grpc_status=<code:number>] [keepalive_time=<time>]",
		Doc: `Asks the servers of the group that the location passes requests to whether they are well, each for itself, and in the background.

Every *interval* (5 seconds), give or take a part of *jitter*, each server gets a GET for *uri* (/), as the location would pass it on: with its headers, its
TLS, its protocol. **fails** checks in a row that fail (1) make the server *unhealthy*: it gets no requests. **passes** checks in a row that pass (1)
make it healthy again, with its [slow_start](upstream.md#server). A check fails when the server cannot be asked, does not answer in time, or the answer
is not what [match] says; without **match** the status must be 2xx or 3xx. Each change is logged once. Several checks of one group each have
their say.

With **mandatory** a server gets no requests before it has passed, at the start and after a reload; with **persistent** those that were healthy before a reload
need not pass again. **port** has the checks go to another port than requests do. **keepalive_time** keeps the connection of a check for the next ones, for so
long in all.

**type=grpc** asks by the health protocol of gRPC for **grpc_service**; the server must answer that it serves or, with **grpc_status**, with
that status of gRPC. The location must have grpc_pass.

What a check has found out is kept over a reload and, where there is a master, when a worker dies.`,
		Example: "location / { proxy_pass http://127.0.0.1:8081; health_check interval=2s fails=3 passes=2 uri=/health; }",
		Set:     addHealthCheck,
	}}, matchDirectives()...),
	Install: installHealthChecks,
})

func addHealthCheck(c *healthConf, call *conf.Call) error {
	k := &checkConf{node: call.Node, interval: 5 * time.Second, uri: "/", status: -1}
	k.Fails, k.Passes = max(call.IntOr("fails", 1), 1), max(call.IntOr("passes", 1), 1)
	k.Mandatory, k.Persistent = call.Has("mandatory"), call.Has("persistent")
	k.matchName, k.grpc, k.service = call.String("match"), call.Has("type"), call.String("grpc_service")
	k.jitter, k.keepalive = call.Time("jitter"), call.Time("keepalive_time")
	if _, ok := call.Key("interval"); ok {
		if k.interval = call.Time("interval"); k.interval == 0 {
			return call.Errorf(call.Index("interval"), "invalid \"interval\" value")
		}
	}
	if w, ok := call.Key("uri"); ok {
		if k.uri = w.Text; !strings.HasPrefix(k.uri, "/") {
			return call.Errorf(call.Index("uri"), "invalid \"uri\" value \"%s\": it must begin with a slash", k.uri)
		}
	}
	if _, ok := call.Key("port"); ok {
		n := call.Int("port")
		if n < 1 || n > 65535 {
			return call.Errorf(call.Index("port"), "invalid port value")
		}
		k.port = uint16(n)
	}
	if _, ok := call.Key("grpc_status"); ok {
		k.status = call.Int("grpc_status")
	}
	if err := k.fits(call); err != nil {
		return err
	}
	c.checks = append(c.checks, k)
	return nil
}

// fits finds parameters that do not go together.
func (k *checkConf) fits(call *conf.Call) error {
	needs := func(key, other string) error {
		return call.Errorf(call.Index(key), "\"%s\" parameter needs \"%s\"", key, other)
	}
	not := func(key string) error {
		return call.Errorf(call.Index(key), "\"%s\" parameter cannot be used with \"type=grpc\"", key)
	}
	switch {
	case k.Persistent && !k.Mandatory:
		return needs("persistent", "mandatory")
	case !k.grpc && call.Index("grpc_service") >= 0:
		return needs("grpc_service", "type=grpc")
	case !k.grpc && k.status >= 0:
		return needs("grpc_status", "type=grpc")
	case k.grpc && call.Index("uri") >= 0:
		return not("uri")
	case k.grpc && k.matchName != "":
		return not("match")
	}
	return nil
}

// installHealthChecks has the peers of the location's group be checked.
func installHealthChecks(c *healthConf, in *http.Install) error {
	if len(c.checks) == 0 {
		return nil
	}
	b, loc, places := in.Builder, in.Loc, http.Of[passes](in.Builder)
	b.AtEnd(func() error {
		h := places.byLoc[loc]
		for n, k := range c.checks {
			if err := k.begin(b, h, loc, n); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

// passes are the handlers of locations that pass requests on.
type passes struct{ byLoc map[*http.Location]*handler }

func (p *passes) add(loc *http.Location, h *handler) {
	if p.byLoc == nil {
		p.byLoc = map[*http.Location]*handler{}
	}
	p.byLoc[loc] = h
}

// begin makes the job of one check, when all groups are known.
func (k *checkConf) begin(b *http.Builder, h *handler, loc *http.Location, nth int) error {
	at := conf.Spot{Node: k.node, Arg: -1}
	switch {
	case h == nil:
		return at.Errorf("\"health_check\" needs a \"proxy_pass\" or its like in the same location")
	case h.fixed.group == nil:
		return at.Errorf("\"health_check\" cannot be used where \"%spass\" has variables", h.pass.prefix)
	case k.grpc && h.pass.prefix != "grpc_":
		return at.Errorf("\"type=grpc\" needs \"grpc_pass\" in the same location")
	}
	if k.matchName != "" {
		if k.match = http.Of[matches](b).byName[k.matchName]; k.match == nil {
			return at.Errorf("match \"%s\" is not defined", k.matchName)
		}
	}
	g := h.fixed.group
	k.Key = fmt.Sprintf("%s %s %s %s%s %d", loc.Server.Name, loc.Name, k.matchName, k.uri, k.service, k.port)
	if nth > 0 {
		k.Key += fmt.Sprint(" ", nth)
	}
	k.node = nil
	g.AddCheck(k.Check)
	c := &checker{checkConf: k, h: h, g: g, app: b.App, loc: loc}
	b.Run("health check of "+g.Name, func(j *load.Job) { c.run(j) })
	return nil
}
