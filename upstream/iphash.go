package upstream

import "weir/loop"

// maxMisses is how many unusable choices a hashing method or random makes before round robin takes over, for the rest of the attempt.
const maxMisses = 20

// ipHash is "ip_hash": the client's IPv4 network of 24 bits, or its whole IPv6 address, names the peer. The numbers are nginx's, so a client stays
// with its server when nginx is swapped for weir.
type ipHash struct{ plain }

const (
	ipHashSeed = 89
	ipHashStep = 113
	ipHashMod  = 6271
)

func (ipHash) begin(a *Attempt) { a.hash = ipHashSeed }

func (ipHash) pick(a *Attempt, now loop.Time) *Peer {
	t := a.tier
	if len(t.peers) > 1 {
		sec := second(now)
		if p := a.tied(sec); p != nil {
			return a.choose(p, sec)
		}
		for ; a.misses <= maxMisses; a.misses++ {
			a.hash = ipHashMix(a.hash, a)
			if p := t.at(int(a.hash) % t.total); a.open(p, sec) {
				return a.choose(p, sec)
			}
		}
	}
	return roundRobin{}.pick(a, now)
}

// ipHashMix goes over the address once more. An IPv4 address that came in over an IPv6 socket (::ffff:a.b.c.d) is an IPv6 one for nginx, all 16
// octets; a client without an address counts as 0.0.0.
func ipHashMix(h uint32, a *Attempt) uint32 {
	client := a.ask.Client
	if client.Is6() {
		for _, b := range client.As16() {
			h = (h*ipHashStep + uint32(b)) % ipHashMod
		}
		return h
	}
	var octets [4]byte
	if client.Is4() {
		octets = client.As4()
	}
	for _, b := range octets[:3] {
		h = (h*ipHashStep + uint32(b)) % ipHashMod
	}
	return h
}
