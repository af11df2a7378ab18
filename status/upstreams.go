package status

import (
	"strconv"

	"weir/upstream"
)

// dynamic are the groups that have a zone: the others are not shown, as in NGINX Plus.
func (c *call) dynamic() (all []*upstream.Group) {
	for _, g := range c.groups.Groups() {
		if g.Spec.Zone != "" {
			all = append(all, g)
		}
	}
	return all
}

// group finds the group of a name, and says what is wrong if there is none that could be changed.
func (c *call) group(name string) (*upstream.Group, answer) {
	for _, g := range c.groups.Groups() {
		switch {
		case g.Name != name || g.Spec.Implicit:
		case g.Spec.Zone == "":
			return nil, refuse(400, "UpstreamStatic", "upstream is static")
		default:
			return g, answer{}
		}
	}
	return nil, refuse(404, "UpstreamNotFound", "upstream not found")
}

func (c *call) noUpstream(name string) answer {
	_, a := c.group(name)
	return a
}

func (c *call) upstreams() (all object) {
	for _, g := range c.dynamic() {
		all = append(all, member{g.Name, c.upstream(g)})
	}
	return all
}

func (c *call) resetUpstream(name string) {
	if g, _ := c.group(name); g != nil {
		g.ResetCounts(c.now)
	}
}

func (c *call) upstream(g *upstream.Group) object {
	peers := list{}
	for _, p := range g.Status(nil, c.now) {
		peers = append(peers, c.peer(&p))
	}
	idle := 0
	if p := g.Pool(); p != nil {
		idle = p.Status().Idle
	}
	o := object{{"peers", peers}, {"keepalive", idle}, {"zombies", g.Zombies()}, {"zone", g.Spec.Zone}}
	if q := g.Spec.Queue; q.Max > 0 {
		o = append(o, member{"queue", object{{"size", g.Queued()}, {"max_size", q.Max}, {"overflows", g.Overflows()}}})
	}
	return o
}

func (c *call) peer(p *upstream.PeerStatus) object {
	o := object{
		{"id", p.ID},
		{"server", p.Name},
		{"name", p.Server},
		{"backup", p.Backup},
		{"weight", p.Weight},
		{"state", string(p.State)},
		{"active", p.Conns},
	}
	if p.MaxConns > 0 {
		o = append(o, member{"max_conns", p.MaxConns})
	}
	o = append(o, member{"requests", p.Picks})
	if p.Times.Count > 0 {
		o = append(
			o,
			member{"header_time", p.Header.Milliseconds()},
			member{"response_time", p.Response.Milliseconds()},
			member{"response_time_hist", histogram(&p.Times)},
		)
	}
	o = append(
		o,
		member{"responses", responses(p.Codes)},
		member{"sent", p.Sent},
		member{"received", p.Received},
		member{"fails", p.Failures},
		member{"unavail", p.Unavail},
		member{"health_checks", checks(p)},
		member{"downtime", p.Downtime.Milliseconds()},
	)
	if p.DownSince != 0 {
		o = append(o, member{"downstart", c.at(p.DownSince)})
	}
	if p.Selected != 0 {
		o = append(o, member{"selected", c.at(p.Selected)})
	}
	return o
}

func checks(p *upstream.PeerStatus) object {
	o := object{{"checks", p.Checks}, {"fails", p.ChecksFailed}, {"unhealthy", p.Unhealthy}}
	if p.Checks > 0 {
		o = append(o, member{"last_passed", p.LastPassed})
	}
	return o
}

func histogram(t *upstream.Times) object {
	var buckets object
	for i, n := range t.Classes {
		name := "inf"
		if i < len(upstream.TimeBounds) {
			name = strconv.FormatInt(upstream.TimeBounds[i], 10)
		}
		buckets = append(buckets, member{name, n})
	}
	return object{{"count", t.Count}, {"sum", t.Sum}, {"buckets", buckets}}
}

// responses are numbers of responses by status, and by class of status.
func responses(by map[int]uint64) object {
	var classes [6]uint64
	var total uint64
	codes := object{}
	for code := 100; code < 600; code++ {
		n := by[code]
		if n == 0 {
			continue
		}
		total += n
		classes[code/100] += n
		codes = append(codes, member{strconv.Itoa(code), n})
	}
	return object{
		{"1xx", classes[1]},
		{"2xx", classes[2]},
		{"3xx", classes[3]},
		{"4xx", classes[4]},
		{"5xx", classes[5]},
		{"codes", codes},
		{"total", total},
	}
}
