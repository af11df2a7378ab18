package ssl

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"

	"weir/certs"
	"weir/conf"
	"weir/http"
)

// texts are the certificates and keys of a load, each of which is read once.
type texts struct {
	byID      map[pairID]*pairRead
	bySum     map[[sha256.Size]byte]*pairRead
	passwords map[string][]string // by their files
}

// pairID is which certificate and key are meant, by the names of their files and of that of the passwords.
type pairID struct{ cert, key, passwords string }

// pairRead is what was read of one.
type pairRead struct {
	text     *certs.PairText
	warnings []string
	err      error // nginx's sentence
}

func (s *sslBuilder) id(c *sslConf, cert, key *conf.Call, arg int) pairID {
	return pairID{confPath(cert, cert.Arg(arg)), confPath(key, key.Arg(arg)), fileOf(c.passwords)}
}

// passwords reads the passwords of a server's keys.
func (s *sslBuilder) passwords(c *sslConf) ([]string, error) {
	if c.passwords == nil {
		return nil, nil
	}
	path := fileOf(c.passwords)
	if all, known := s.texts.passwords[path]; known {
		return all, nil
	}
	b, err := s.file(c.passwords)
	if err != nil {
		return nil, err
	}
	all := certs.ParsePasswords(b)
	s.texts.passwords[path] = all
	return all, nil
}

// ahead reads and checks the certificates of servers, over all processors: there may be ten thousand. What is wrong with one is told when
// its turn comes.
func (s *sslBuilder) ahead(servers []*http.Server) {
	t := &s.texts
	if t.byID == nil {
		*t = texts{map[pairID]*pairRead{}, map[[sha256.Size]byte]*pairRead{}, map[string][]string{}}
	}
	var ids []pairID
	for _, server := range servers {
		if _, done := s.made[server]; done {
			continue
		}
		c := s.settings(server)
		if _, err := s.passwords(c); err != nil || c.named() {
			continue
		}
		for i := range min(len(c.certificates), len(c.keys)) {
			id := s.id(c, c.certificates[i].call, c.keys[i].call, 0)
			if t.byID[id] == nil {
				t.byID[id] = &pairRead{}
				ids = append(ids, id)
			}
		}
	}
	t.load(s, ids)
}

// read returns what was read of a pair, or reads it now.
func (t *texts) read(s *sslBuilder, id pairID) (*pairRead, error) {
	r := t.byID[id]
	if r == nil {
		r = &pairRead{}
		t.byID[id] = r
		t.load(s, []pairID{id})
	}
	return r, r.err
}

// load reads pairs and checks them, unless somebody has before. Those whose files have the same become one, whatever their names.
func (t *texts) load(s *sslBuilder, ids []pairID) {
	spread(len(ids), func(i int) {
		id := ids[i]
		t.byID[id].text = certs.ReadPair(s.read, id.cert, id.key, t.passwords[id.passwords])
	})
	var firsts, others []*pairRead
	for _, id := range ids {
		r := t.byID[id]
		switch {
		case r.text.Encrypted || r.text.Unread():
			firsts = append(firsts, r)
		case t.bySum[r.text.Sum] == nil:
			t.bySum[r.text.Sum] = r
			firsts = append(firsts, r)
		default:
			others = append(others, r)
		}
	}
	check := func(r *pairRead) { r.warnings, r.err = r.text.Check(s.now) }
	if !s.b.Checked {
		spread(len(firsts), func(i int) { check(firsts[i]) })
	}
	for _, r := range others {
		first := t.bySum[r.text.Sum]
		if first.err != nil || first.warnings != nil {
			check(r) // to be told under its own name
		}
		if r.err == nil {
			r.text = first.text
		}
	}
}

// spread calls f for 0 to n-1, on all processors.
func spread(n int, f func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	all.Wait()
}
