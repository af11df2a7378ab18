package access

import (
	"fmt"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/load"
	"weir/logs"
	"weir/zone"
)

// limitConnConf holds the settings of one block.
type limitConnConf struct {
	limits []connLimit
	status int
	level  logs.Level
	dryRun bool
}

// A connLimit is one limit_conn.
type connLimit struct {
	zone *zone.Zone
	most uint32
}

// LimitConn is nginx's limit_conn module: it bounds how many requests with the same key are answered at a time.
var LimitConn = http.Define(http.Spec[limitConnConf]{
	Name: "http_limit_conn",
	Doc: `Bounds how many connections with the same key there are at a time. A connection counts from when the head of its request was read
to the end of the response, so idle ones do not; over HTTP/2 every request counts as a connection.`,
	Directives: []conf.Directive[limitConnConf]{
		{
			Name: "limit_conn_zone", In: conf.HTTP, Syntax: "<key:text> zone=<zone:name>:<size>", Repeat: true,
			Doc: `Declares a zone that counts the connections of each *key*. Requests with an empty key are not counted. A megabyte holds 16384
keys that have connections at least; when there is no room for another, its requests are refused. A reload keeps the counts.`,
			Example: "limit_conn_zone $binary_remote_addr zone=addr:10m;",
			Declare: declareLimitConnZone,
		},
		{
			Name: "limit_conn", In: limitPlaces, Syntax: "<zone:name> <number:string>", Repeat: true,
			Doc:     "How many connections with one key of the zone there may be at a time; more are refused. Where several stand, all of them hold.",
			Example: "limit_conn addr 10;",
			Set:     (*limitConnConf).add,
			Declare: mentionLimitConn,
		},
		{
			Name: "limit_conn_status", In: limitPlaces, Syntax: "<code:400-599>", Default: "503",
			Doc: "The status of a refused request.",
			Set: conf.Int(func(c *limitConnConf) *int { return &c.status }),
		},
		{
			Name: "limit_conn_log_level", In: limitPlaces, Syntax: "info | notice | warn | error", Default: "error",
			Doc: "The level at which refusals are logged.",
			Set: conf.Enum(func(c *limitConnConf) *logs.Level { return &c.level }, limitLevels()),
		},
		{
			Name: "limit_conn_dry_run", In: limitPlaces, Syntax: "on | off", Default: "off",
			Doc: "Counts and logs as usual, but refuses none.",
			Set: conf.Flag(func(c *limitConnConf) *bool { return &c.dryRun }),
		},
	},
	Variables: []http.Var{{
		Name: "limit_conn_status", Doc: "PASSED, REJECTED or REJECTED_DRY_RUN.",
		Get: func(r *http.Request, _ string) http.Value {
			if s, ok := http.Load[connStatus](r.Main()); ok {
				return http.Value{B: []byte(s.String())}
			}
			return http.Value{Missing: true}
		},
	}},
	Install: func(c *limitConnConf, in *http.Install) error {
		if len(c.limits) > 0 {
			in.Step(http.PreAccess, c.run)
		}
		return nil
	},
})

// limitLevels are the levels at which refusals may be logged.
func limitLevels() map[string]logs.Level {
	return map[string]logs.Level{"info": logs.Info, "notice": logs.Notice, "warn": logs.Warn, "error": logs.Error}
}

// limitConnUse tells zones of limit_conn from others.
const limitConnUse = "limit_conn"

// A connZone is what a limit_conn_zone declares: the counts, which survive a reload, and what may not.
type connZone struct {
	name   string
	key    *http.Text
	counts *connCounts
}

func declareLimitConnZone(call *conf.Call) error {
	key, z, err := declareZone(call, limitConnUse)
	if err != nil {
		return err
	}
	if z.Declared != nil {
		return call.Errorf(call.Index("zone"), "%s \"%s\" is already bound to key \"%s\"", call.Name(), z.Name(), z.Declared.(*connZone).key.Source())
	}
	n, _ := zone.State(z, func(size int64) *connCounts { return newConnCounts(size, key.Source()) })
	z.Declared = &connZone{name: z.Name(), key: key, counts: n}
	if n.Of != key.Source() {
		load.Of(call).Diags.Err(fmt.Errorf("limit_conn_zone \"%s\" uses the \"%s\" key while previously it used the \"%s\" key", z.Name(), key.Source(), n.Of))
	}
	return nil
}

// declareZone reads the key and the zone=name:size that limit_req_zone and limit_conn_zone have in common.
func declareZone(call *conf.Call, use string) (key *http.Text, z *zone.Zone, err error) {
	if key, err = http.CompileText(call, 0, call.Arg(0)); err != nil {
		return nil, nil, err
	}
	at := call.Index("zone")
	name, text, _ := strings.Cut(call.String("zone"), ":")
	if name == "" {
		return nil, nil, call.Errorf(-1, "\"%s\" must have \"zone\" parameter", call.Name())
	}
	size, err := conf.ParseSize(text)
	switch {
	case err != nil:
		return nil, nil, call.Errorf(at, "invalid zone size \"%s\"", call.Arg(at))
	case size < minZone:
		return nil, nil, call.Errorf(at, "zone \"%s\" is too small", call.Arg(at))
	}
	if z, err = load.Of(call).Zones.Declare(name, size, use); err != nil {
		return nil, nil, call.Errorf(at, "%v", err)
	}
	z.Tally(limitStatuses)
	return key, z, nil
}

// mentionLimitConn makes the zone known that a limit_conn names, which may be declared after it.
func mentionLimitConn(call *conf.Call) error {
	if _, err := load.Of(call).Zones.Mention(call.Arg(0), limitConnUse, call.Spot(0)); err != nil {
		return call.Errorf(0, "%v", err)
	}
	return nil
}

// add stores one limit_conn.
func (c *limitConnConf) add(call *conf.Call) error {
	z := load.Of(call).Zones.Find(call.Arg(0))
	for i := range c.limits {
		if c.limits[i].zone == z {
			return call.Errorf(-1, "\"%s\" directive is duplicate", call.Name())
		}
	}
	n, err := conf.ParseInt(call.Arg(1))
	switch {
	case err != nil || n <= 0:
		return call.Errorf(1, "invalid number of connections \"%s\"", call.Arg(1))
	case n > 65535:
		return call.Errorf(1, "connection limit must be less 65536")
	}
	c.limits = append(c.limits, connLimit{z, uint32(n)})
	return nil
}

// connStatus is what became of a request. It outlives internal redirects: a request is counted once.
type connStatus uint8

// Carried says that a detached copy of a request is not counted again (http.Carried).
func (connStatus) Carried() {}

const (
	connPassed connStatus = iota
	connRejected
	connRejectedDryRun
)

func (s connStatus) String() string { return [...]string{"PASSED", "REJECTED", "REJECTED_DRY_RUN"}[s] }

// run counts a request in the zones of its place, to the end of the exchange.
func (c *limitConnConf) run(r *http.Request) http.Verdict {
	main := r.Main()
	if _, again := http.Load[connStatus](main); again {
		return http.Next
	}
	var held *connHold
	counted := false
	for i := range c.limits {
		z := c.limits[i].zone.Declared.(*connZone)
		key := r.Text(z.key)
		switch {
		case len(key) == 0:
			continue
		case len(key) > 255:
			r.Logf(logs.Error, "the value of the \"%s\" key is more than 255 bytes: \"%s\"", z.key.Source(), key)
			continue
		}
		counted = true
		id := z.counts.ID(key)
		n := z.counts.enter(id, c.limits[i].most)
		if r.Debugs() {
			r.Debugf("limit conn: %08X %d", uint32(id), n)
		}
		switch {
		case n == 0:
			r.Logf(logs.Crit, "ngx_slab_alloc() failed: no memory in limit_conn_zone \"%s\"", z.name)
			return c.refuse(main, held)
		case n > c.limits[i].most:
			r.Logf(c.level, "limiting connections%s by zone \"%s\"", c.dry(), z.name)
			return c.refuse(main, held)
		}
		held = z.counts.hold(id, held)
	}
	if held != nil {
		main.OnEnd(held)
	}
	if counted {
		c.count(r, connPassed)
		http.Store(main, connPassed, http.UntilEnd)
	}
	return http.Next
}

// refuse lets go of what was counted and says what becomes of the request.
func (c *limitConnConf) refuse(main *http.Request, held *connHold) http.Verdict {
	held.release()
	if c.dryRun {
		c.count(main, connRejectedDryRun)
		http.Store(main, connRejectedDryRun, http.UntilEnd)
		return http.Next
	}
	c.count(main, connRejected)
	http.Store(main, connRejected, http.UntilEnd)
	return http.Verdict(c.status)
}

// count counts what has become of a request, in the zones of all limits here.
func (c *limitConnConf) count(r *http.Request, s connStatus) {
	for i := range c.limits {
		c.limits[i].zone.Counted().Add(r.Loop().ID(), int(s), 1)
	}
}

// dry is what the log line says of a dry run.
func (c *limitConnConf) dry() string {
	if c.dryRun {
		return ", dry run,"
	}
	return ""
}
