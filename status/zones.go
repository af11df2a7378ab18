package status

import (
	"strings"

	"weir/conf"
	"weir/http"
	"weir/load"
	"weir/zone"
)

// Zone is the part of NGINX Plus' api module that counts requests by server and by location.
var Zone = http.Define(http.Spec[zoneConf]{
	Name: "http_status_zone",
	Doc:  "Counts requests and responses, by server and by location.",
	Directives: []conf.Directive[zoneConf]{{
		Name: "status_zone", In: conf.Server | conf.Location | conf.LocationIf, Syntax: "<zone:name>",
		Doc: `Counts the requests that end in this server or location, for [api]. Several servers may share a *zone*, and so may several locations; those
of servers and those of locations have nothing to do with each other. **off** counts none in a location.`,
		Example: "server { server_name example.com; status_zone example; location /app { status_zone app; } }",
		Declare: declareStatusZone,
		Set: func(c *zoneConf, call *conf.Call) error {
			z := load.Of(call).Zones.Find(zoneUse(call) + call.Arg(0))
			switch {
			case call.Block().Context == conf.Server:
				c.server = z
			case call.Arg(0) != "off":
				c.location = z
			}
			return nil
		},
	}},
	Install: installZone,
})

// zoneConf are the zones of one block. That of a server holds whatever its locations say.
type zoneConf struct{ server, location *zone.Zone }

// The uses of zones, and what their names begin with: they are no names of other zones.
const (
	serverZone   = "server status "
	locationZone = "location status "
)

func zoneUse(call *conf.Call) string {
	if call.Block().Context == conf.Server {
		return serverZone
	}
	return locationZone
}

// What is counted of a zone. Of each status there is a number, from countCodes on.
const (
	countProcessing = iota
	countRequests   // that have come to their end
	countDiscarded  // those of them without a response
	countReceived   // bytes
	countSent
	countCodes
	zoneCounts = countCodes + 500
)

func declareStatusZone(call *conf.Call) error {
	use := zoneUse(call)
	if call.Arg(0) == "off" && use == locationZone {
		return nil
	}
	z, err := load.Of(call).Zones.Declare(use+call.Arg(0), 1, use)
	if err != nil {
		return call.Errorf(0, "%v", err)
	}
	z.Tally(zoneCounts)
	return nil
}

// installZone has the requests of a place counted, if they are to be.
func installZone(c *zoneConf, in *http.Install) error {
	server := conf.Settings[zoneConf](in.Builder.Scopes, in.Module.Conf, in.Loc.Server.Block).server
	if server != nil {
		t := server.Counted()
		if in.InServer() && !in.Loc.Nameless {
			in.Step(http.PostRead, func(r *http.Request) http.Verdict {
				t.Add(r.Loop().ID(), countProcessing, 1)
				http.Store(r, processing{t}, http.UntilEnd)
				return http.Next
			})
		}
		in.Log(func(r *http.Request) { countEnded(t, r, true) })
	}
	if c.location != nil {
		t := c.location.Counted()
		in.Log(func(r *http.Request) { countEnded(t, r, false) })
	}
	return nil
}

// processing is in the store of a request that is counted as at work.
type processing struct{ in *zone.Tally }

// countEnded counts a request that is over.
func countEnded(t *zone.Tally, r *http.Request, server bool) {
	if r.IsSub() {
		return
	}
	l := r.Loop().ID()
	if p, ok := http.Load[processing](r); ok && server {
		p.in.Add(l, countProcessing, ^uint64(0))
	}
	t.Add(l, countRequests, 1)
	t.Add(l, countReceived, uint64(int64(r.HeadSize)+r.Body.Received))
	code := r.Out.Status
	if r.Out.TotalBytes == 0 || code < 100 || code > 599 {
		t.Add(l, countDiscarded, 1)
		return
	}
	t.Add(l, countSent, uint64(r.Out.TotalBytes))
	t.Add(l, countCodes+code-100, 1)
}

// zonesOf are the zones that are counted of one use, with what makes objects of them.
func (c *call) zonesOf(use string, of func(*zone.Zone) object) (all object) {
	for _, z := range c.zones {
		if z.Use() == use && z.Counted() != nil {
			all = append(all, member{strings.TrimPrefix(z.Name(), use), of(z)})
		}
	}
	return all
}

// resetZone begins to count anew what was counted of a zone, but for what is at work.
func (c *call) resetZone(use, name string, from, to int) {
	for _, z := range c.zones {
		if z.Use() == use && strings.TrimPrefix(z.Name(), use) == name {
			z.Counted().Reset(from, to)
		}
	}
}

func (c *call) serverZones() object {
	return c.zonesOf(serverZone, func(z *zone.Zone) object {
		t := z.Counted()
		at := t.Get(countProcessing)
		return append(object{{"processing", at}, {"requests", t.Get(countRequests) + at}}, zoneRest(t)...)
	})
}

func (c *call) locationZones() object {
	return c.zonesOf(locationZone, func(z *zone.Zone) object {
		t := z.Counted()
		return append(object{{"requests", t.Get(countRequests)}}, zoneRest(t)...)
	})
}

func zoneRest(t *zone.Tally) object {
	codes := map[int]uint64{}
	for i := countCodes; i < zoneCounts; i++ {
		codes[100+i-countCodes] = t.Get(i)
	}
	return object{
		{"responses", responses(codes)},
		{"discarded", t.Get(countDiscarded)},
		{"received", t.Get(countReceived)},
		{"sent", t.Get(countSent)},
	}
}

func (c *call) resetServerZone(name string) { c.resetZone(serverZone, name, countRequests, zoneCounts) }

func (c *call) resetLocationZone(name string) {
	c.resetZone(locationZone, name, countRequests, zoneCounts)
}

// The uses of zones that limit, as they declare them.
const (
	limitReqZone  = "limit_req"
	limitConnZone = "limit_conn"
)

func (c *call) limitReqs() object {
	return c.zonesOf(limitReqZone, func(z *zone.Zone) object {
		return outcomes(z.Counted(), "passed", "delayed", "rejected", "delayed_dry_run", "rejected_dry_run")
	})
}

func (c *call) limitConns() object {
	return c.zonesOf(limitConnZone, func(z *zone.Zone) object {
		return outcomes(z.Counted(), "passed", "rejected", "rejected_dry_run")
	})
}

// outcomes are the first numbers of a tally, in the order of these names.
func outcomes(t *zone.Tally, names ...string) (o object) {
	for i, name := range names {
		o = append(o, member{name, t.Get(i)})
	}
	return o
}

func (c *call) resetLimitReq(name string)  { c.resetZone(limitReqZone, name, 0, 5) }
func (c *call) resetLimitConn(name string) { c.resetZone(limitConnZone, name, 0, 3) }
