package resolver

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"weir/loop"
)

// A Server is one address of a service.
type Server struct {
	Addr     netip.AddrPort
	Name     string // of the host that the service named
	Priority uint16
	Weight   int
}

// A Lost is a host that a service named and that could not be resolved.
type Lost struct {
	Name string
	*Error
}

// ServiceName is the name that the records of a service are found by: "http" of "example.com" is _http._tcp.example.com, and what has a
// dot in it is taken as it is.
func ServiceName(service, name string) string {
	if strings.Contains(service, ".") {
		return service + "." + name
	}
	return "_" + service + "._tcp." + name
}

// Service finds the servers of a service, best priority first, and those of its hosts that have no address. Within a priority the
// first is drawn by chance, by weight. The errors are those of Lookup. Loop only.
func (r *Resolver) Service(t *loop.Task, service, name string, w Wait) (found []Server, until int64, lost []Lost, err error) {
	r.stats.Services.Add(1)
	s := r.search(ServiceName(service, strings.TrimSuffix(name, ".")), true)
	if err = r.wait(t, &w, s); err == nil {
		err = s.err()
	}
	if err != nil {
		return nil, 0, nil, err
	}
	hosts := make([]*search, len(s.services))
	for i := range hosts {
		hosts[i] = r.search(s.services[i].name, false)
	}
	if err = r.wait(t, &w, hosts...); err != nil {
		return nil, 0, nil, err
	}
	until = s.until
	none := codeServer
	for i, h := range hosts {
		if h.state == failed {
			lost = append(lost, Lost{s.services[i].name, &Error{h.code, h.until}})
			if i == 0 || h.code == codeNotFound {
				none = h.code
			}
			continue
		}
		until = min(until, h.until)
	}
	if found = arrange(s.services, hosts); len(found) == 0 {
		return nil, 0, lost, &Error{none, second(t.Now()) + r.negative()}
	}
	return found, until, lost, nil
}

// mostServers bounds what one service may lead to.
const mostServers = 4096

// arrange makes the list of servers.
func arrange(services []service, hosts []*search) (found []Server) {
	order := make([]int, len(services))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(services[a].priority, services[b].priority) })
	for len(order) > 0 {
		n := 1
		for n < len(order) && services[order[n]].priority == services[order[0]].priority {
			n++
		}
		same := order[:n]
		order = order[n:]
		first := draw(same, services, hosts)
		for k := range same {
			i := same[(first+k)%len(same)]
			s := &services[i]
			for _, a := range hosts[i].addrs {
				if len(found) == mostServers {
					return found
				}
				found = append(found, Server{netip.AddrPortFrom(a, s.port), s.name, s.priority, int(s.weight)})
			}
		}
	}
	return found
}

// draw chooses one of some services, by weight and number of addresses.
func draw(some []int, services []service, hosts []*search) int {
	total := 0
	for _, i := range some {
		total += int(services[i].weight) * len(hosts[i].addrs)
	}
	if total == 0 {
		return 0
	}
	at := rand.IntN(total)
	for k, i := range some {
		if at -= int(services[i].weight) * len(hosts[i].addrs); at < 0 {
			return k
		}
	}
	return 0
}
