package ssl

import (
	"sync/atomic"

	"weir/certs"
	"weir/load"
	"weir/logs"
)

// A live pair is the certificate and key of two files, and is replaced when these change. Any goroutine.
type live struct {
	text      atomic.Pointer[certs.PairText]
	cert, key string // the names of the files, or "data:…"
	passwords []string
	log       *logs.Logger
	follow    []func(*certs.Pair) // who has to know of another one
}

func newLive(t *certs.PairText, cert, key string, passwords []string, log *logs.Logger) *live {
	l := &live{cert: cert, key: key, passwords: passwords, log: log}
	l.text.Store(t)
	return l
}

// have is the pair that is there now; nil if it was never wanted yet.
func (l *live) have() *certs.Pair { return l.text.Load().Have() }

// pair is the pair that is there now. It may take its time: not on a loop.
func (l *live) pair() (*certs.Pair, error) { return l.text.Load().Pair() }

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
	t, old := certs.ReadPair(read, l.cert, l.key, l.passwords), l.text.Load()
	if t.Sum == old.Sum {
		return nil
	}
	p, err := t.Pair()
	if err != nil {
		l.log.Logf(logs.Error, 0, "%v; the certificate that was there before stays in use", err)
		return err
	}
	if q, err := old.Pair(); err == nil && p.Equal(q) {
		return nil
	}
	l.text.Store(t)
	for _, f := range l.follow {
		f(p)
	}
	l.log.Logf(logs.Notice, 0, "certificate \"%s\" was replaced by that which its file has now", l.cert)
	return nil
}

// addLive adds a pair to those of a server, as certs.AddPair does.
func addLive(all []*live, l *live) ([]*live, error) {
	for i, old := range all {
		p, err := old.pair()
		if err != nil {
			return nil, err
		}
		q, err := l.pair()
		if err != nil {
			return nil, err
		}
		if p.SameKind(q) {
			all[i] = l
			return all, nil
		}
	}
	return append(all, l), nil
}

// pairsOf are the pairs that are there now.
func pairsOf(all []*live) ([]*certs.Pair, error) {
	pairs := make([]*certs.Pair, len(all))
	for i, l := range all {
		p, err := l.pair()
		if err != nil {
			return nil, err
		}
		pairs[i] = p
	}
	return pairs, nil
}
