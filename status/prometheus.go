package status

import (
	"slices"
	"strings"

	"weir/conf"
	"weir/http"
)

// Prometheus is a module of weir's own: what the API tells, as monitoring systems ask for it.
var Prometheus = http.Define(http.Spec[prometheusConf]{
	Name: "http_prometheus",
	Doc:  "Tells Prometheus, and whatever understands it, what the server is doing.",
	Directives: []conf.Directive[prometheusConf]{{
		Name: "prometheus", In: conf.Location, Inherit: conf.IntoNameless, Syntax: "",
		Doc: `Answers with the numbers of [api] in Prometheus' text format. Their names and labels are those of NGINX's own exporter for NGINX Plus
("nginxplus_upstream_server_requests"), so that dashboards made for it find them.

nginx has no such directive.`,
		Example: "location = /metrics { prometheus; allow 127.0.0.1; deny all; }",
		Set:     func(c *prometheusConf, _ *conf.Call) error { c.on = true; return nil },
	}},
	Install: func(c *prometheusConf, in *http.Install) error {
		if !c.on || in.Loc.Nameless && in.HasHandler() {
			return nil
		}
		c.world = worldOf(in.Builder)
		in.Handler(c.serve)
		return nil
	},
})

type prometheusConf struct {
	on bool
	*world
}

func (c *prometheusConf) serve(r *http.Request) http.Verdict {
	if r.Method&(http.GET|http.HEAD) == 0 {
		return http.StatusNotAllowed
	}
	if v := r.DiscardBody(); v != http.Next {
		return v
	}
	k := &call{apiConf: &apiConf{world: c.world}, now: r.Task.Now(), wall: r.Loop().Wall()}
	var text []byte
	r.Task.Await(func() { text = k.metrics() })
	r.Out.Status = 200
	return sendText(r, "text/plain; version=0.0.4; charset=utf-8", text)
}

// A family is the samples of one metric, which stand together.
type family struct {
	name    string
	samples []byte
}

// exposition is a text in the making.
type exposition struct {
	families []*family
	by       map[string]*family
}

// add adds a sample. Labels are names and values in turn.
func (e *exposition) add(name string, value any, labels ...string) {
	f := e.by[name]
	if f == nil {
		f = &family{name: name}
		e.by[name] = f
		e.families = append(e.families, f)
	}
	b := append(f.samples, name...)
	for i := 0; i+1 < len(labels); i += 2 {
		b = append(b, "{,"[min(i, 1)])
		b = append(append(b, labels[i]...), '=', '"')
		b = append(append(b, strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(labels[i+1])...), '"')
	}
	if len(labels) > 0 {
		b = append(b, '}')
	}
	f.samples = append(appendJSON(append(b, ' '), value), '\n')
}

// gauges are the last words of metrics that go up and down; all others count.
var gauges = []string{"active", "idle", "current", "processing", "state", "limit", "keepalive", "zombies", "size", "max_size", "cold", "time", "used", "free", "up"}

// text is the whole, with what kind of metric each is.
func (e *exposition) text() (b []byte) {
	for _, f := range e.families {
		kind := "counter"
		if slices.ContainsFunc(gauges, func(word string) bool { return strings.HasSuffix(f.name, "_"+word) }) {
			kind = "gauge"
		}
		b = append(append(append(append(append(b, "# TYPE "...), f.name...), ' '), kind...), '\n')
		b = append(b, f.samples...)
	}
	return b
}

// object adds the numbers in an object. What is within it has its name in that of the metric.
func (e *exposition) object(prefix string, o object, labels ...string) {
	for _, m := range o {
		name := prefix + "_" + m.name
		switch v := m.value.(type) {
		case object:
			if m.name == "responses" && v[0].name == "1xx" {
				e.responses(name, v, labels)
			} else {
				e.object(name, v, labels...)
			}
		case bool:
			n := 0
			if v {
				n = 1
			}
			e.add(name, n, labels...)
		case int, int64, uint64:
			e.add(name, v, labels...)
		}
	}
}

// responses adds numbers of responses, with class and status in a label.
func (e *exposition) responses(name string, o object, labels []string) {
	for _, m := range o {
		if codes, ok := m.value.(object); ok {
			for _, c := range codes {
				e.add(name+"_codes", c.value, append(labels[:len(labels):len(labels)], "code", c.name)...)
			}
		} else if m.name != "total" {
			e.add(name, m.value, append(labels[:len(labels):len(labels)], "code", m.name)...)
		}
	}
}

// named adds an object for each name.
func (e *exposition) named(prefix, label string, all object) {
	for _, m := range all {
		e.object(prefix, m.value.(object), label, m.name)
	}
}

// metrics is the text. Not on a loop.
func (c *call) metrics() []byte {
	e := &exposition{by: map[string]*family{}}
	e.add("nginxplus_up", 1)
	e.object("nginxplus_connections", c.connections())
	e.object("nginxplus_http_requests", c.requests())
	e.object("nginxplus_ssl", c.ssl())
	e.object("nginxplus_processes", c.processes())
	e.named("nginxplus_server_zone", "server_zone", c.serverZones())
	e.named("nginxplus_location_zone", "location_zone", c.locationZones())
	e.named("nginxplus_limit_request", "zone", c.limitReqs())
	e.named("nginxplus_limit_connection", "zone", c.limitConns())
	e.named("nginxplus_cache", "zone", c.caches())
	for _, m := range c.resolvers() {
		for _, part := range m.value.(object) { // requests and responses
			e.object("nginxplus_resolver", part.value.(object), "resolver", m.name)
		}
	}
	for _, g := range c.upstreams() {
		o := g.value.(object)
		peers := o[0].value.(list)
		e.object("nginxplus_upstream", o[1:], "upstream", g.name)
		for _, p := range peers {
			e.peer(p.(object), g.name)
		}
	}
	return e.text()
}

// peer adds what is known of one peer of a group.
func (e *exposition) peer(o object, group string) {
	const prefix = "nginxplus_upstream_server"
	labels := []string{"server", "", "upstream", group}
	for _, m := range o {
		switch m.name {
		case "server":
			labels[1] = m.value.(string)
		case "state":
			e.add(prefix+"_state", stateNumber(m.value.(string)), labels...)
		case "max_conns":
			e.add(prefix+"_limit", m.value, labels...)
		case "response_time_hist":
			e.histogram(prefix+"_response_time_hist", m.value.(object), labels)
		case "id", "weight", "backup": // what it is, not how it does
		default:
			e.object(prefix, object{m}, labels...)
		}
	}
}

// histogram adds classes of times, of which each has the smaller ones in it: milliseconds.
func (e *exposition) histogram(name string, o object, labels []string) {
	count, _ := o[0].value.(uint64)
	upto := uint64(0)
	for _, m := range o[2].value.(object) {
		n, _ := m.value.(uint64)
		upto += n
		bound := m.name
		if bound == "inf" {
			bound, upto = "+Inf", count
		}
		e.add(name+"_bucket", upto, append(labels[:len(labels):len(labels)], "le", bound)...)
	}
	e.add(name+"_sum", o[1].value, labels...)
	e.add(name+"_count", count, labels...)
}

// stateNumber is a state as the exporter has it: 1 up, 2 draining, 3 down, 4 unavail, 5 checking, 6 unhealthy.
func stateNumber(s string) int {
	return 1 + slices.Index([]string{"up", "draining", "down", "unavail", "checking", "unhealthy"}, s)
}
