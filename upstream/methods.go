package upstream

import (
	"strings"

	"weir/conf"
)

// methodDirectives are the directives that choose how the group balances. A later one takes the place of an earlier one, with nginx's warning.
func methodDirectives() []conf.Directive[settings] {
	return []conf.Directive[settings]{
		{
			Name:   "ip_hash",
			In:     conf.Upstream,
			Syntax: "",
			Repeat: true,
			Declare: onSpec(func(s *Spec, c *conf.Call) error {
				return s.choose(c, MethodIPHash)
			}),
			Doc: "Sends a client always to the same server, by the first three octets of its IPv4 address or its whole IPv6 address.",
		},
		{
			Name:   "least_conn",
			In:     conf.Upstream,
			Syntax: "",
			Repeat: true,
			Declare: onSpec(func(s *Spec, c *conf.Call) error {
				return s.choose(c, MethodLeastConn)
			}),
			Doc: "Chooses the server with the fewest active requests for its weight.",
		},
		{
			Name:   "hash",
			In:     conf.Upstream,
			Syntax: "<key:text> [consistent]",
			Repeat: true,
			Declare: onSpec(func(s *Spec, c *conf.Call) error {
				s.Key = Key{Source: c.Arg(0), Node: c.Node}
				if c.Len() == 2 {
					return s.choose(c, MethodConsistent)
				}
				return s.choose(c, MethodHash)
			}),
			Doc: `Chooses the server by the hash of a key.

With **consistent** (ketama), a server more or less moves only few keys to other servers.`,
			Example: "upstream app { hash $request_uri consistent; server 127.0.0.1:8081; server 127.0.0.1:8082; }",
		},
		{
			Name:    "random",
			In:      conf.Upstream,
			Syntax:  "! 0-2 [two [least_conn]]",
			Repeat:  true,
			Declare: onSpec(declareRandom),
			Doc:     "Chooses a server by chance; with **two**, the less busy of two such servers.",
		},
		{
			Name:    "least_time",
			In:      conf.Upstream,
			Syntax:  "header | last_byte [inflight]",
			Repeat:  true,
			Declare: onSpec(declareLeastTime),
			Doc: `Chooses the server that is expected to be through first, by its average time and its active requests.

The time is that to the response **header** or to the **last_byte**; with **inflight**, requests that wait for an answer count too.`,
		},
	}
}

func declareRandom(s *Spec, c *conf.Call) error {
	for i, want := range []string{"two", "least_conn"} {
		if i < c.Len() && c.Arg(i) != want {
			return c.Errorf(i, "invalid parameter %s", quote(c.Arg(i)))
		}
	}
	s.Two = c.Len() > 0
	return s.choose(c, MethodRandom)
}

func declareLeastTime(s *Spec, c *conf.Call) error {
	err := s.choose(c, MethodLeastTime)
	if s.timed { // nginx warns first, then refuses
		return c.Errorf(-1, "\"least_time\" directive is duplicate")
	}
	s.timed = true
	s.LastByte = strings.EqualFold(c.Arg(0), "last_byte")
	s.Inflight = c.Has("inflight")
	return err
}

// choose sets the method of the group.
func (s *Spec) choose(c *conf.Call, m Method) error {
	if s.chosen {
		c.Warnf(-1, "load balancing method redefined")
	}
	s.Method, s.chosen = m, true
	s.backups = m == MethodLeastConn || m == MethodLeastTime
	s.slow = s.backups
	return nil
}
