package upstream

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"weir/conf"
	"weir/load"
	"weir/upstream/resolver"
	"weir/zone"
)

// ResolverConf is what resolver and resolver_timeout say of a block.
type ResolverConf struct {
	Resolver *resolver.Resolver // nil: there is none
	Timeout  time.Duration
}

// ResolverZone is the use of zones that count for resolvers, and what their names begin with: they are no names of other zones.
const ResolverZone = "resolver status "

const (
	resolverPort    = 53
	resolverTimeout = 30 * time.Second
	// resolvConf lists the machine's name servers.
	resolvConf = "/etc/resolv.conf"
)

// ResolverModule is the table of the directives about names that are looked up while serving.
var ResolverModule = conf.Define("resolver", "Names that are looked up while serving.", []conf.Directive[ResolverConf]{
	{
		Name:   "resolver",
		In:     conf.HTTP | conf.Server | conf.Location | conf.Upstream,
		Syntax: "! 1- <address:string> ... [valid=<time>] [ipv4=on|off] [ipv6=on|off] [status_zone=<zone:name>]",
		Set: func(r *ResolverConf, c *conf.Call) error {
			r.Resolver = resolversOf(c).made[c.Node]
			return nil
		},
		Declare: declareResolver,
		Doc: `The name servers that names are looked up with while serving: in proxy_pass and its kin with variables, in "server … resolve" of a group, and
where a name could not be found when the configuration was read.

They take turns; one that is silent for five seconds, or cannot be reached, is followed by the next. An address without a port has 53; **system** stands for
the servers of /etc/resolv.conf. Answers hold as long as they say, or for **valid**. **ipv4=off** and **ipv6=off** ask for one family only. Write the
addresses of servers in a network that you trust. **status_zone** names what is counted of questions and answers, for [api]; resolvers of one
name are counted together.`,
		Example: "resolver 127.0.0.53 [::1]:5353 valid=30s ipv6=off;",
	},
	{
		Name:    "resolver_timeout",
		In:      conf.HTTP | conf.Server | conf.Location | conf.Upstream,
		Syntax:  "<time>",
		Default: "30s",
		Set:     conf.Time(func(r *ResolverConf) *time.Duration { return &r.Timeout }),
		Doc:     "How long the look-up of a name may take.",
		Example: "resolver_timeout 5s;",
	},
})

// resolvers are those of one load, by their directives.
type resolvers struct {
	made map[*conf.Node]*resolver.Resolver
}

func resolversOf(c *conf.Call) *resolvers { return load.The[resolvers](load.Of(c)) }

func declareResolver(c *conf.Call) error {
	o := resolver.Options{}
	for i := range c.Len() {
		if err := resolverWord(&o, c, i); err != nil {
			return err
		}
	}
	switch {
	case o.NoIPv4 && o.NoIPv6:
		return c.Errorf(-1, "\"ipv4\" and \"ipv6\" cannot both be \"off\"")
	case len(o.Servers) == 0:
		return c.Errorf(-1, "no name servers defined")
	}
	env := load.Of(c)
	o.Life = env.Life
	r := resolver.New(o)
	all := resolversOf(c)
	if all.made == nil {
		all.made = map[*conf.Node]*resolver.Resolver{}
	}
	all.made[c.Node] = r
	main := c.Tree().Main
	env.AtEnd(func() error {
		r.LogTo(env.ErrorLog(main))
		return nil
	})
	return nil
}

// resolverWord reads one argument.
func resolverWord(o *resolver.Options, c *conf.Call, i int) error {
	word := c.Arg(i)
	key, value, _ := strings.Cut(word, "=")
	switch {
	case key == "valid" && word != key:
		d, err := conf.ParseSeconds(value)
		if err != nil {
			return c.Errorf(i, "invalid parameter: %s", word)
		}
		o.Valid = d
	case (key == "ipv4" || key == "ipv6") && word != key:
		if value != "on" && value != "off" {
			return c.Errorf(i, "invalid parameter: %s", word)
		}
		off := &o.NoIPv4
		if key == "ipv6" {
			off = &o.NoIPv6
		}
		*off = value == "off"
	case key == "status_zone" && value != "":
		z, err := load.Of(c).Zones.Declare(ResolverZone+value, 1, ResolverZone)
		if err != nil {
			return c.Errorf(i, "%v", err)
		}
		o.Stats, _ = zone.State(z, func(int64) *resolver.Stats { return &resolver.Stats{} })
	case word == "system":
		servers, err := systemServers(c)
		if err != nil {
			return c.Errorf(i, "%v", err)
		}
		o.Servers = append(o.Servers, servers...)
	default:
		servers, err := resolverServers(c, word)
		if err != nil {
			return c.Errorf(i, "%v in resolver %s", err, quote(word))
		}
		o.Servers = append(o.Servers, servers...)
	}
	return nil
}

// resolverServers are the addresses of one name server.
func resolverServers(c *conf.Call, word string) ([]netip.AddrPort, error) {
	t, _, err := ParseTarget(word, resolverPort, false)
	switch {
	case err != nil:
		return nil, err
	case t.Unix:
		return nil, errHost
	}
	addrs, err := in(c).addresses(&t)
	if err != nil {
		return nil, err
	}
	servers := make([]netip.AddrPort, len(addrs))
	for i := range addrs {
		servers[i] = addrs[i].Net
	}
	return servers, nil
}

// systemServers are the name servers of the machine.
func systemServers(c *conf.Call) ([]netip.AddrPort, error) {
	b, err := c.Tree().Outside().Read(resolvConf)
	if err != nil {
		return nil, err
	}
	servers := parseResolvConf(string(b))
	if len(servers) == 0 {
		return nil, fmt.Errorf("no name servers in \"%s\"", resolvConf)
	}
	return servers, nil
}

// parseResolvConf finds the name servers in the text of a resolv.conf (resolv.conf(5)): as the C library, no more than three. One that needs
// a network interface (fe80::1%eth0) is left out.
func parseResolvConf(text string) (servers []netip.AddrPort) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(words[1]); err == nil && a.Zone() == "" && len(servers) < 3 {
			servers = append(servers, netip.AddrPortFrom(a.Unmap(), resolverPort))
		}
	}
	return servers
}

// resolverAround reports whether a resolver is named in a block or around it.
func resolverAround(b *conf.Block) bool {
	for ; b != nil; b = b.Parent {
		if b.First("resolver") != nil {
			return true
		}
	}
	return false
}
