package access

import (
	"fmt"
	"strings"
	"time"

	"weir/conf"
	"weir/http"
	"weir/load"
	"weir/logs"
	"weir/zone"
)

// limitReqConf holds the settings of one block.
type limitReqConf struct {
	limits []limit
	status int
	level  logs.Level // of refusals; delays are logged one level lower
	dryRun bool
}

// A limit is one limit_req. Burst and delay are in thousandths of a request.
type limit struct {
	zone         *zone.Zone
	burst, delay int64
}

// LimitReq is nginx's limit_req module: it holds requests with the same key to a rate, as a leaky bucket.
var LimitReq = http.Define(http.Spec[limitReqConf]{
	Name: "http_limit_req",
	Doc:  "Holds requests with the same key to a rate, by the leaky bucket: bursts wait their turn, what goes beyond is refused.",
	Directives: []conf.Directive[limitReqConf]{
		{
			Name: "limit_req_zone", In: conf.HTTP, Syntax: "<key:text> zone=<zone:name>:<size> rate=<rate>", Repeat: true,
			Doc: `Declares a zone that counts the requests of each *key*, and the *rate* they may reach. Requests with an empty key are not
counted. A megabyte holds 16384 keys at least; when there is no room for another, one that was not seen for long is forgotten. A reload
keeps the counts, and so does the death of a worker.`,
			Example: "limit_req_zone $binary_remote_addr zone=one:10m rate=10r/s;",
			Declare: declareLimitReqZone,
		},
		{
			Name: "limit_req", In: limitPlaces, Syntax: "zone=<zone:name> [burst=<number>] [nodelay | delay=<number>]", Repeat: true,
			Doc: `Holds the requests of this block to the rate of a zone. Requests over the rate wait their turn; those beyond *burst* are
refused. With **nodelay** none waits, with **delay** only those past that number do. Where several stand, all of them hold.`,
			Example: "limit_req zone=one burst=5 nodelay;",
			Set:     (*limitReqConf).add,
			Declare: mentionLimitReq,
		},
		{
			Name: "limit_req_status", In: limitPlaces, Syntax: "<code:400-599>", Default: "503",
			Doc: "The status of a refused request.",
			Set: conf.Int(func(c *limitReqConf) *int { return &c.status }),
		},
		{
			Name: "limit_req_log_level", In: limitPlaces, Syntax: "info | notice | warn | error", Default: "error",
			Doc: "The level at which refusals are logged; delays are logged one level lower.",
			Set: conf.Enum(func(c *limitReqConf) *logs.Level { return &c.level }, limitLevels()),
		},
		{
			Name: "limit_req_dry_run", In: limitPlaces, Syntax: "on | off", Default: "off",
			Doc: "Counts and logs requests as usual, but refuses and delays none.",
			Set: conf.Flag(func(c *limitReqConf) *bool { return &c.dryRun }),
		},
	},
	Variables: []http.Var{{
		Name: "limit_req_status", Doc: "PASSED, DELAYED, REJECTED, DELAYED_DRY_RUN or REJECTED_DRY_RUN.",
		Get: func(r *http.Request, _ string) http.Value {
			if s, ok := http.Load[limitStatus](r.Main()); ok {
				return http.Value{B: []byte(s.String())}
			}
			return http.Value{Missing: true}
		},
	}},
	Install: func(c *limitReqConf, in *http.Install) error {
		if len(c.limits) > 0 {
			in.Step(http.PreAccess, c.run)
		}
		return nil
	},
})

const limitPlaces = conf.HTTP | conf.Server | conf.Location

// limitReqUse tells zones of limit_req from others.
const limitReqUse = "limit_req"

// A reqZone is what a limit_req_zone declares: the buckets, which survive a reload, and what may not.
type reqZone struct {
	name    string
	key     *http.Text
	rate    int64 // thousandths of a request a second
	buckets *buckets
}

func declareLimitReqZone(call *conf.Call) error {
	key, z, err := declareZone(call, limitReqUse)
	if err != nil {
		return err
	}
	if z.Declared != nil {
		return call.Errorf(call.Index("zone"), "%s \"%s\" is already bound to key \"%s\"", call.Name(), z.Name(), z.Declared.(*reqZone).key.Source())
	}
	b, _ := zone.State(z, func(size int64) *buckets { return newBuckets(size, key.Source()) })
	z.Declared = &reqZone{name: z.Name(), key: key, rate: parseRate(call.String("rate")), buckets: b}
	if b.Of != key.Source() {
		load.Of(call).Diags.Err(fmt.Errorf("limit_req \"%s\" uses the \"%s\" key while previously it used the \"%s\" key", z.Name(), key.Source(), b.Of))
	}
	return nil
}

// minZone is the least size of a zone: eight pages of memory, as in nginx.
const minZone = 8 * 4096

// parseRate reads "10r/s" or "30r/m", which the syntax line has checked, as thousandths a second.
func parseRate(s string) int64 {
	text, perMinute := strings.CutSuffix(s, "r/m")
	n, _ := conf.ParseInt(strings.TrimSuffix(text, "r/s"))
	if perMinute {
		return int64(n) * 1000 / 60
	}
	return int64(n) * 1000
}

// noDelay is a delay that no request reaches.
const noDelay = 1 << 62

// mentionLimitReq makes the zone known that a limit_req names, which may be declared after it.
func mentionLimitReq(call *conf.Call) error {
	if _, err := load.Of(call).Zones.Mention(call.String("zone"), limitReqUse, call.Spot(call.Index("zone"))); err != nil {
		return call.Errorf(call.Index("zone"), "%v", err)
	}
	return nil
}

// add stores one limit_req.
func (c *limitReqConf) add(call *conf.Call) error {
	z := load.Of(call).Zones.Find(call.String("zone"))
	l := limit{zone: z}
	for _, p := range []struct {
		name string
		to   *int64
	}{{"burst", &l.burst}, {"delay", &l.delay}} {
		if !call.Has(p.name) {
			continue
		}
		n := call.Int(p.name)
		if n <= 0 {
			return call.Errorf(call.Index(p.name), "invalid %s value \"%s\"", p.name, call.Arg(call.Index(p.name)))
		}
		*p.to = int64(n) * 1000
	}
	if call.Has("nodelay") {
		l.delay = noDelay
	}
	for i := range c.limits {
		if c.limits[i].zone == z {
			return call.Errorf(-1, "\"%s\" directive is duplicate", call.Name())
		}
	}
	c.limits = append(c.limits, l)
	return nil
}

// limitStatus is what became of a request. It is kept among what ends with the exchange, for it must
// outlive internal redirects: a request is limited once.
type limitStatus uint8

// Carried says that a detached copy of a request is not counted again (http.Carried).
func (limitStatus) Carried() {}

const (
	passed limitStatus = iota
	delayed
	rejected
	delayedDryRun
	rejectedDryRun
	limitStatuses = iota
)

func (s limitStatus) String() string {
	return [...]string{"PASSED", "DELAYED", "REJECTED", "DELAYED_DRY_RUN", "REJECTED_DRY_RUN"}[s]
}

// run holds a request to the limits of its place.
func (c *limitReqConf) run(r *http.Request) http.Verdict {
	if _, again := http.Load[limitStatus](r.Main()); again {
		return http.Next
	}
	var few [4]asked
	all, refused := c.ask(r, few[:0])
	switch {
	case refused && c.dryRun:
		c.count(r, rejectedDryRun)
		http.Store(r.Main(), rejectedDryRun, http.UntilEnd)
		return http.Next
	case refused:
		c.count(r, rejected)
		http.Store(r.Main(), rejected, http.UntilEnd)
		return http.Verdict(c.status)
	case len(all) == 0:
		return http.Next
	}
	wait, worst := commit(r, all)
	if wait <= 0 {
		c.count(r, passed)
		http.Store(r.Main(), passed, http.UntilEnd)
		return http.Next
	}
	r.Logf(min(c.level+1, logs.Info), "delaying request%s, excess: %d.%03d, by zone \"%s\"", c.dry(), worst.excess/1000, worst.excess%1000, worst.zone.name)
	if c.dryRun {
		c.count(r, delayedDryRun)
		http.Store(r.Main(), delayedDryRun, http.UntilEnd)
		return http.Next
	}
	c.count(r, delayed)
	http.Store(r.Main(), delayed, http.UntilEnd)
	return r.Delay(time.Duration(wait) * time.Millisecond)
}

// asked is a bucket that a request was found to fit in.
type asked struct {
	zone    *reqZone
	delay   int64 // of the limit
	id      zone.ID
	counted bool
	excess  int64
}

// ask asks every limit in turn, until one refuses.
func (c *limitReqConf) ask(r *http.Request, few []asked) (all []asked, refused bool) {
	now := millis(r)
	all = few
	for i := range c.limits {
		z := c.limits[i].zone.Declared.(*reqZone)
		key := r.Text(z.key)
		switch {
		case len(key) == 0:
			continue
		case len(key) > 65535:
			r.Logf(logs.Error, "the value of the \"%s\" key is more than 65535 bytes: \"%s\"", z.key.Source(), key)
			continue
		}
		id := z.buckets.ID(key)
		o, excess := z.buckets.ask(id, now, z.rate, c.limits[i].burst, i == len(c.limits)-1)
		if r.Debugs() {
			r.Debugf("limit_req[%s]: excess %d.%03d", z.name, excess/1000, excess%1000)
		}
		if o == over {
			r.Logf(c.level, "limiting requests%s, excess: %d.%03d by zone \"%s\"", c.dry(), excess/1000, excess%1000, z.name)
			return nil, true
		}
		all = append(all, asked{z, c.limits[i].delay, id, o == counted, excess})
	}
	return all, false
}

// commit counts the request in all its buckets and finds the one that it must wait for longest, in
// milliseconds.
func commit(r *http.Request, all []asked) (wait int64, worst *asked) {
	now := millis(r)
	for i := len(all) - 1; i >= 0; i-- {
		a := &all[i]
		if !a.counted {
			a.excess = a.zone.buckets.commit(a.id, now, a.zone.rate)
		}
		if a.excess <= a.delay {
			continue
		}
		if d := (a.excess - a.delay) * 1000 / a.zone.rate; d > wait || worst == nil {
			wait, worst = d, a
		}
	}
	return wait, worst
}

// count counts what has become of a request, in the zones of all limits here.
func (c *limitReqConf) count(r *http.Request, s limitStatus) {
	for i := range c.limits {
		c.limits[i].zone.Counted().Add(r.Loop().ID(), int(s), 1)
	}
}

// dry is what log lines say of a dry run.
func (c *limitReqConf) dry() string {
	if c.dryRun {
		return ", dry run"
	}
	return ""
}

// millis is the time of the request's loop.
func millis(r *http.Request) int64 { return int64(r.Task.Now()) / int64(time.Millisecond) }
