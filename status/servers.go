package status

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"weir/http"
	"weir/upstream"
)

// belowUpstream answers for the servers of a group, of which there are lists, and numbers.
func (c *call) belowUpstream(name string, rest []string) answer {
	if rest[0] != "servers" || len(rest) > 2 {
		return errPath
	}
	g, bad := c.group(name)
	switch {
	case g == nil:
		return bad
	case len(rest) == 2:
		id, err := strconv.ParseUint(rest[1], 10, 31)
		if err != nil {
			return refuse(400, "UpstreamBadServerId", "invalid server ID")
		}
		return c.serverOf(g, int(id))
	case c.reads():
		return answer{200, servers(g.Servers())}
	case c.method == http.POST:
		return c.addServer(g)
	}
	return errDisabled
}

// serverOf answers for one server of a group.
func (c *call) serverOf(g *upstream.Group, id int) answer {
	switch {
	case c.reads():
		for _, s := range g.Servers() {
			if s.ID == id {
				return answer{200, server(&s)}
			}
		}
		return c.failed(upstream.ErrNoServer, g, id)
	case c.method == http.PATCH:
		return c.changeServer(g, id)
	case c.method == http.DELETE:
		left, err := g.RemoveServer(id)
		if err != nil {
			return c.failed(err, g, id)
		}
		return answer{200, servers(left)}
	}
	return errDisabled
}

func (c *call) addServer(g *upstream.Group) answer {
	p, bad := readParameters(c.body)
	if bad != nil {
		return *bad
	}
	if p.server == nil {
		return refuse(400, "UpstreamConfFormatError", "missing \"server\" argument")
	}
	spec, bad := p.newServer()
	if bad != nil {
		return *bad
	}
	s, err := g.AddServer(spec)
	if err != nil {
		return c.failed(err, g, 0)
	}
	return answer{201, server(&s)}
}

// newServer is the server that the parameters describe.
func (p *parameters) newServer() (upstream.ServerSpec, *answer) {
	service := ""
	if p.service != nil {
		service = *p.service
	}
	spec, err := upstream.NewServer(*p.server, service)
	switch {
	case err != nil:
		return spec, badParameter("UpstreamBadAddress", err.Error()+" while parsing")
	case service != "" && spec.Follow == nil:
		return spec, badParameter("UpstreamBadAddress", "service upstream \""+*p.server+"\" requires domain name")
	case service != "" && strings.Contains(*p.server, ":"):
		return spec, badParameter("UpstreamBadAddress", "service upstream \""+*p.server+"\" may not have port")
	}
	spec = p.apply(spec)
	spec.Backup = p.backup != nil && *p.backup
	return spec, nil
}

// apply sets what a server may be told at any time.
func (p *parameters) apply(s upstream.ServerSpec) upstream.ServerSpec { return *p.Of(&s) }

func (c *call) changeServer(g *upstream.Group, id int) answer {
	p, bad := readParameters(c.body)
	if bad != nil {
		return *bad
	}
	all := g.Servers()
	at := slices.IndexFunc(all, func(s upstream.Listed) bool { return s.ID == id })
	if at < 0 {
		return c.failed(upstream.ErrNoServer, g, id)
	}
	if err := p.change(&all[at]); err != nil {
		return c.failed(err, g, id)
	}
	s, err := g.ChangeServer(id, &p.Change)
	if err != nil {
		return c.failed(err, g, id)
	}
	return answer{200, server(&s)}
}

// change takes in what a request says of the parameters of a server that stay as they are, and of its address.
func (p *parameters) change(is *upstream.Listed) error {
	service := ""
	if f := is.Follow; f != nil {
		service = f.Service
	}
	switch {
	case p.backup != nil && *p.backup != is.Backup:
		return apiError{400, "UpstreamConfFormatError", "\"backup\" cannot be changed"}
	case p.service != nil && *p.service != service:
		return apiError{400, "UpstreamConfFormatError", "\"service\" cannot be changed"}
	case p.server == nil || *p.server == is.Server:
		return nil
	case is.Follow != nil:
		return upstream.ErrBound
	}
	spec, err := upstream.NewServer(*p.server, "")
	switch {
	case err != nil:
		return apiError{400, "UpstreamBadAddress", err.Error() + " while parsing"}
	case spec.Follow != nil:
		return apiError{400, "UpstreamBadAddress", "invalid \"server\" argument"}
	}
	p.Addr, p.Text = &spec.Addrs[0], spec.Text
	return nil
}

// failed answers when a group could not be changed.
func (c *call) failed(err error, g *upstream.Group, id int) answer {
	number := strconv.Itoa(id)
	var refused apiError
	switch {
	case err == upstream.ErrNoServer:
		return refuse(404, "UpstreamServerNotFound", "server with ID \""+number+"\" does not exist")
	case err == upstream.ErrBound && c.method == http.DELETE:
		return refuse(400, "UpstreamServerImmutable", "server \""+number+"\" not removable")
	case err == upstream.ErrBound:
		return refuse(400, "UpstreamServerImmutable", "server \""+number+"\" address is immutable")
	case err == upstream.ErrWeightBound:
		return refuse(400, "UpstreamServerWeightImmutable", "server \""+number+"\" weight is immutable")
	case errors.As(err, &refused):
		return answer{400, refused}
	case err == upstream.ErrNoResolver:
		return refuse(400, "UpstreamConfNoResolver", err.Error())
	case err == upstream.ErrNoBackup:
		return refuse(400, "UpstreamNoBackup", "upstream \""+g.Name+"\" has no backup")
	case err == upstream.ErrNoSlow:
		return refuse(400, "UpstreamBadSlowStart", err.Error())
	}
	if e := (*upstream.StateError)(nil); errors.As(err, &e) {
		c.unwritten = e
		return refuse(500, "UpstreamStateError", "state file could not be written")
	}
	return refuse(409, "UpstreamReplaced", err.Error())
}

func servers(all []upstream.Listed) list {
	l := list{}
	for i := range all {
		l = append(l, server(&all[i]))
	}
	return l
}

func server(s *upstream.Listed) object {
	o := object{{"id", s.ID}, {"server", s.Server}}
	if f := s.Follow; f != nil && f.Service != "" && s.Parent < 0 {
		o = append(o, member{"service", f.Service})
	}
	o = append(
		o,
		member{"weight", s.Weight},
		member{"max_conns", s.MaxConns},
		member{"max_fails", s.MaxFails},
		member{"fail_timeout", upstream.TimeText(s.FailTimeout)},
		member{"slow_start", upstream.TimeText(s.SlowStart)},
		member{"route", s.Route},
		member{"backup", s.Backup},
		member{"down", s.Down},
	)
	if s.Drain {
		o = append(o, member{"drain", true})
	}
	if s.Parent >= 0 {
		o = append(o, member{"parent", s.Parent}, member{"host", s.Host})
	}
	return o
}
