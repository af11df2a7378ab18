package upstream

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// What active checks have found out, and what was changed of groups, outlives the process that has done it,
// as far as somebody keeps a snapshot: a line for each check of each peer, and one for each server of a group that was changed.

// OnChange has f called whenever a check thinks otherwise of a peer, and when a group was changed: that is to be
// kept at once (now), off the loops. While the set is built; f is called by any goroutine.
func (s *Set) OnChange(f func(now bool)) {
	for _, g := range s.groups {
		g.mu.Lock()
		g.changed = f
		g.mu.Unlock()
	}
}

// AppendSnapshot appends what checks think of all peers. Any goroutine.
func (s *Set) AppendSnapshot(dst []byte) []byte {
	for _, g := range s.groups {
		g.mu.Lock()
		dst = g.appendEdited(dst)
		for id, p := range g.peers.Load().identities(false) {
			for i := range p.st.verdicts {
				v := &p.st.verdicts[i]
				dst = append(append(dst, g.remembered(id, v)...), ' ')
				dst = append(append(dst, v.health.String()...), '\n')
			}
		}
		g.mu.Unlock()
	}
	return dst
}

// remembered names one check of one peer.
func (g *Group) remembered(id identity, v *verdict) string {
	return fmt.Sprintf("%q %q %d %t %q %q", g.id(), id.server, id.nth, id.backup, addressName(id.addr), v.key)
}

// Restore takes in a snapshot, as far as it speaks of peers and checks that there are. Lines that it does not understand are left out. Before the set
// is used.
func (s *Set) Restore(snapshot []byte) {
	known := map[string]Health{}
	s.restoreEdited(snapshot)
	lines := bufio.NewScanner(bytes.NewReader(snapshot))
	for lines.Scan() {
		if i := strings.LastIndexByte(lines.Text(), ' '); i >= 0 {
			for h := Healthy; h <= Unhealthy; h++ {
				if h.String() == lines.Text()[i+1:] {
					known[lines.Text()[:i]] = h
				}
			}
		}
	}
	for _, g := range s.groups {
		g.mu.Lock()
		for id, p := range g.peers.Load().identities(false) {
			p.st.blocked = 0
			for i := range p.st.verdicts {
				v := &p.st.verdicts[i]
				if h, ok := known[g.remembered(id, v)]; ok {
					v.health, v.streak = h, 0
				}
				if v.health != Healthy {
					p.st.blocked++
				}
			}
		}
		g.mu.Unlock()
	}
}
