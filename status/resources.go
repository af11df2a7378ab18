package status

import (
	"slices"
	"strings"

	"weir/http"
)

// A resource is what the API has at a path.
type resource struct {
	path string
	// get returns the object there, or an object with one for each name.
	get func(*call) object
	// missing is what is said of a name that there is not; a resource without it has no names.
	missing func(c *call, name string) answer
	// listed resources have numbers for names, and are a list as a whole.
	listed bool
	// reset begins its counters anew, those of one name where it has names; nil: it has none.
	reset func(c *call, name string)
	// below answers for what is behind a name; nil: there is nothing.
	below func(c *call, name string, rest []string) answer
}

func notFound(code, text string) func(*call, string) answer {
	return func(*call, string) answer { return refuse(404, code, text) }
}

// resources are all of them, as indexes show them.
func resources() []resource {
	return []resource{
		{path: "nginx", get: (*call).nginx},
		{path: "processes", get: (*call).processes},
		{path: "connections", get: (*call).connections},
		{path: "workers", get: (*call).workers, missing: notFound("WorkerNotFound", "worker not found"), listed: true},
		{path: "slabs", get: (*call).slabs, missing: notFound("SlabNotFound", "slab not found")},
		{path: "ssl", get: (*call).ssl},
		{path: "http/requests", get: (*call).requests},
		{
			path: "http/server_zones", get: (*call).serverZones, missing: notFound("ServerZoneNotFound", "server zone not found"),
			reset: (*call).resetServerZone,
		},
		{
			path: "http/location_zones", get: (*call).locationZones, missing: notFound("LocationZoneNotFound", "location zone not found"),
			reset: (*call).resetLocationZone,
		},
		{
			path: "http/limit_conns", get: (*call).limitConns, missing: notFound("LimitConnNotFound", "limit_conn not found"),
			reset: (*call).resetLimitConn,
		},
		{
			path: "http/limit_reqs", get: (*call).limitReqs, missing: notFound("LimitReqNotFound", "limit_req not found"),
			reset: (*call).resetLimitReq,
		},
		{
			path: "http/caches", get: (*call).caches, missing: notFound("CacheNotFound", "cache not found"),
			reset: (*call).resetCache,
		},
		{
			path: "http/upstreams", get: (*call).upstreams, missing: (*call).noUpstream,
			reset: (*call).resetUpstream, below: (*call).belowUpstream,
		},
		{
			path: "resolvers", get: (*call).resolvers, missing: notFound("ResolverZoneNotFound", "resolver zone not found"),
			reset: (*call).resetResolver,
		},
	}
}

// answer answers a request. Not on a loop.
func (c *call) answer() answer {
	path := strings.Join(c.path, "/")
	if index := c.index(path); index != nil {
		if c.reads() {
			return answer{200, index}
		}
		return errDisabled
	}
	for _, x := range resources() {
		if path == x.path {
			return c.whole(&x)
		}
		if rest, ok := strings.CutPrefix(path, x.path+"/"); ok && x.missing != nil {
			names := strings.Split(rest, "/")
			return c.named(&x, names[0], names[1:])
		}
	}
	return errPath
}

func (c *call) reads() bool { return c.method&(http.GET|http.HEAD) != 0 }

// index returns the names below a path that has no object of its own; nil: it is none.
func (c *call) index(path string) list {
	if path != "" {
		path += "/"
	}
	var names list
	for _, x := range resources() {
		if rest, ok := strings.CutPrefix(x.path, path); ok {
			name, _, _ := strings.Cut(rest, "/")
			if !slices.Contains(names, any(name)) {
				names = append(names, name)
			}
		}
	}
	return names
}

// whole answers for a resource.
func (c *call) whole(x *resource) answer {
	named := x.missing != nil
	switch {
	case c.reads():
		o := x.get(c)
		switch {
		case c.fields == nil:
		case !named:
			o = o.pick(c.fields)
		case len(c.fields) == 0:
			return answer{200, o.names()}
		default:
			for i := range o {
				o[i].value = o[i].value.(object).pick(c.fields)
			}
		}
		if x.listed {
			return answer{200, o.values()}
		}
		return answer{200, o}
	case c.method == http.DELETE && x.reset != nil && !named:
		x.reset(c, "")
		return answer{204, nil}
	}
	return errDisabled
}

// named answers for one name of a resource, and what is behind it.
func (c *call) named(x *resource, name string, rest []string) answer {
	if len(rest) > 0 {
		if x.below == nil {
			return errPath
		}
		return x.below(c, name, rest)
	}
	o, ok := x.get(c).find(name)
	switch {
	case !ok:
		return x.missing(c, name)
	case c.reads():
		if c.fields != nil {
			o = o.pick(c.fields)
		}
		return answer{200, o}
	case c.method == http.DELETE && x.reset != nil:
		x.reset(c, name)
		return answer{204, nil}
	}
	return errDisabled
}
