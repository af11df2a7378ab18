package upstream

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
)

// A remembered server is one of a group that was changed: a line of a snapshot.
type rememberedServer struct {
	Group  string      // by its id
	Spec   uint32      // sum of its servers in the configuration: a group of another configuration is another one
	Next   int         // number of the next server
	ID     int         // of the server
	Server *ServerSpec `json:",omitempty"` // nil: this line tells only that the group was changed
}

func (s *Spec) sum() uint32 { return crc32.ChecksumIEEE(appendServers(nil, s.members())) }

// appendEdited appends the servers of the group if it was changed. With g.mu held.
func (g *Group) appendEdited(dst []byte) []byte {
	if !g.edited {
		return dst
	}
	line := rememberedServer{Group: g.id(), Spec: g.Spec.sum(), Next: g.nextID}
	write := func() {
		if b, err := json.Marshal(&line); err == nil {
			dst = append(append(dst, b...), '\n')
		}
	}
	write()
	for _, m := range g.members {
		if m.parent != nil {
			continue // it is found again
		}
		s := *m.server
		if !m.named { // a name in the configuration may have had more
			s.Addrs = append(s.Addrs[:0:0], m.Addr)
		}
		line.ID, line.Server = m.id, &s
		write()
	}
	return dst
}

// restoreEdited gives groups the servers that they had. Before the set is used.
func (s *Set) restoreEdited(snapshot []byte) {
	groups := map[string]*Group{}
	for _, g := range s.groups {
		groups[g.id()] = g
	}
	changed := map[*Group]bool{}
	for line := range bytes.Lines(snapshot) {
		var r rememberedServer
		if line[0] != '{' || json.Unmarshal(line, &r) != nil {
			continue
		}
		g := groups[r.Group]
		if g == nil || g.Spec.Zone == "" || g.Spec.sum() != r.Spec {
			continue
		}
		if r.Server == nil {
			g.members, g.nextID, g.edited = nil, r.Next, true
			changed[g] = true
		} else if changed[g] && (r.Server.Follow != nil || len(r.Server.Addrs) == 1) {
			m := &member{id: r.ID, server: r.Server, named: r.Server.Follow != nil}
			if !m.named {
				m.Addr = r.Server.Addrs[0]
			}
			g.members = append(g.members, m)
		}
	}
	for g := range changed {
		g.mu.Lock()
		g.peers.Store(g.newPeerSet(nil, false))
		g.mu.Unlock()
	}
}
