package proxy

import "weir/http"

// connectionTag tells locations apart whose kept connections are not shared ("keepalive … local"). A
// location keeps its tag over a reload that leaves it alone.
func connectionTag(c *upstreamConf, url string, in *http.Install) uint64 {
	h := tagHash(fnvOffset)
	h.add(in.Loc.Server.Name)
	h.add(in.Loc.Name)
	h.add(url)
	h.number(len(in.Builder.App.Servers))
	h.flag(in.Loc.Nameless)
	h.flag(c.Bind.transparent)
	if c.Bind.addr.IsValid() {
		h.add(c.Bind.addr.String())
	}
	if c.Bind.text != nil {
		h.add(c.Bind.text.Source())
	}
	return uint64(h)
}

// A tagHash is FNV-1a over what makes a location; it takes no memory.
type tagHash uint64

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func (h *tagHash) add(s string) {
	for i := range len(s) {
		*h = (*h ^ tagHash(s[i])) * fnvPrime
	}
	h.number(len(s))
}

func (h *tagHash) number(n int) { *h = (*h ^ tagHash(n)) * fnvPrime }

func (h *tagHash) flag(b bool) {
	if b {
		h.number(1)
	} else {
		h.number(0)
	}
}
