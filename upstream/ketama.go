package upstream

import (
	"cmp"
	"hash/crc32"
	"slices"
	"strings"

	"weir/loop"
)

// pointsPerWeight is how many points of the circle a server has for each unit of its weight. It is nginx's number, and that of
// Cache::Memcached::Fast.
const pointsPerWeight = 160

// mostPoints is how many there are at most, 16 MB. Larger weights, as SRV records may bring them, share these; in nginx they take what memory there is.
const mostPoints = 1 << 21

// ketama is "hash key consistent": every server owns many points of a circle; the key's CRC-32 is a place on it, and the next point names the server.
// A server more or less moves only its own share of the keys.
//
// Servers are told apart by their text; several addresses of one name share its points and take turns.
type ketama struct {
	plain
	circle  []point
	servers [][]*Peer
}

type point struct {
	hash   uint32
	server uint32 // index into ketama.servers
}

// newKetama lays out the circle of the primary peers.
func newKetama(t *tier) *ketama {
	k := &ketama{}
	all := 0.0
	for _, p := range t.peers {
		all += float64(p.Weight) * pointsPerWeight
	}
	share := min(1, mostPoints/all)
	k.circle = make([]point, 0, int(all*share)+len(t.peers))
	known := map[string]int{}
	for _, p := range t.peers {
		id, ok := known[p.Server]
		if !ok {
			id = len(k.servers)
			known[p.Server] = id
			k.servers = append(k.servers, nil)
		}
		k.servers[id] = append(k.servers[id], p)
		k.addPoints(uint32(id), p, max(1, int(float64(p.Weight)*pointsPerWeight*share)))
	}
	slices.SortStableFunc(k.circle, func(x, y point) int { return cmp.Compare(x.hash, y.hash) })
	k.circle = slices.CompactFunc(k.circle, func(x, y point) bool { return x.hash == y.hash })
	return k
}

// addPoints adds n points of one peer: CRC-32 over host, NUL, port, and the four octets of the point before, low first.
func (k *ketama) addPoints(server uint32, p *Peer, n int) {
	host, port := ketamaName(p.Server)
	base := crc32.ChecksumIEEE([]byte(host + "\x00" + port))
	var prev uint32
	for range n {
		prev = crc32.Update(base, crc32.IEEETable,
			[]byte{byte(prev), byte(prev >> 8), byte(prev >> 16), byte(prev >> 24)})
		k.circle = append(k.circle, point{prev, server})
	}
}

// ketamaName splits a server as it was written. A port that was not written is not hashed; a unix socket is its path.
func ketamaName(server string) (host, port string) {
	if len(server) >= 5 && strings.EqualFold(server[:5], "unix:") {
		return server[5:], ""
	}
	digits := strings.TrimRight(server, "0123456789")
	if strings.HasSuffix(digits, ":") {
		return digits[:len(digits)-1], server[len(digits):]
	}
	return server, ""
}

// begin finds the first point at or after the key's hash.
func (k *ketama) begin(a *Attempt) {
	at, _ := slices.BinarySearchFunc(k.circle, crc32.ChecksumIEEE(a.ask.Key),
		func(p point, h uint32) int { return cmp.Compare(p.hash, h) })
	a.hash = uint32(at)
}

func (k *ketama) pick(a *Attempt, now loop.Time) *Peer {
	if a.tier.single || len(a.ask.Key) == 0 || a.tier != &a.set.primary || len(k.circle) == 0 {
		return roundRobin{}.pick(a, now)
	}
	sec := second(now)
	if p := a.tied(sec); p != nil {
		return a.choose(p, sec)
	}
	for ; a.misses <= maxMisses; a.misses++ {
		var t turn
		at := k.circle[a.hash%uint32(len(k.circle))]
		for _, p := range k.servers[at.server] {
			if a.open(p, sec) {
				t.show(p)
			}
		}
		if p := t.end(); p != nil {
			return a.choose(p, sec)
		}
		a.hash++
	}
	return roundRobin{}.pick(a, now)
}
