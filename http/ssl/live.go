package ssl

import (
	"bytes"
	"sync/atomic"

	"weir/certs"
	"weir/load"
	"weir/logs"
)

// A live pair is the certificate and key of two files, and is replaced when these change. Any goroutine.
type live struct {
	pair      atomic.Pointer[certs.Pair]
	cert, key string // the names of the files, or "data:…"
	passwords []string
	log       *logs.Logger
	first     *certs.Pair         // as it was loaded
	follow    []func(*certs.Pair) // who has to know of another one
}

func newLive(p *certs.Pair, cert, key string, passwords []string, log *logs.Logger) *live {
	l := &live{cert: cert, key: key, log: log, first: p}
	if p.Encrypted {
		l.passwords = passwords
	}
	l.pair.Store(p)
	return l
}

// watch has the files looked at while the configuration serves.
func (l *live) watch(e *load.Env) {
	w := load.Watch{Changed: l.changed}
	for _, name := range []string{l.cert, l.key} {
		if !certs.IsData(name) {
			w.Files = append(w.Files, certs.PathOf(name))
		}
	}
	if len(w.Files) > 0 {
		e.Watch(w)
	}
}

// changed takes what the files have now, if that is a certificate and its key.
func (l *live) changed(read func(string) ([]byte, error)) error {
	p, err := certs.LoadPair(read, l.cert, l.key, l.passwords)
	if err != nil {
		l.log.Logf(logs.Error, 0, "%v; the certificate that was there before stays in use", err)
		return err
	}
	old := l.pair.Load()
	if p.Equal(old) {
		return nil
	}
	if bytes.Equal(p.Leaf.Raw, l.first.Leaf.Raw) {
		p = l.first
	}
	l.pair.Store(p)
	for _, f := range l.follow {
		f(p)
	}
	l.log.Logf(logs.Notice, 0, "certificate \"%s\" was replaced by that which its file has now", l.cert)
	return nil
}

// addLive adds a pair to those of a server, as certs.AddPair does.
func addLive(all []*live, l *live) []*live {
	for i, old := range all {
		if old.first.SameKind(l.first) {
			all[i] = l
			return all
		}
	}
	return append(all, l)
}

// pairsOf are the pairs that are there now.
func pairsOf(all []*live) []*certs.Pair {
	pairs := make([]*certs.Pair, len(all))
	for i, l := range all {
		pairs[i] = l.pair.Load()
	}
	return pairs
}
