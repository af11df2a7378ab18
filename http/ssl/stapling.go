package ssl

import (
	"net/url"
	"sync/atomic"
	"time"

	"weir/certs"
	"weir/http"
	"weir/load"
	"weir/logs"
	"weir/loop"
)

// A stapled is the word of an authority on one of a server's certificates; it changes with the certificate. Any goroutine.
type stapled struct{ atomic.Pointer[certs.Staple] }

// staple finds out with which of its certificates a server shows the word of their authorities.
func (s *sslBuilder) staple(t *serverTLS, server *http.Server) error {
	c := t.conf
	if !c.stapling || t.dynamic.certificates != nil {
		return nil
	}
	t.staples = make([]*stapled, len(t.pairs))
	for i, l := range t.pairs {
		place := &stapled{}
		t.staples[i] = place
		p, err := l.pair()
		if err != nil {
			return unplaced(c.certificates[0].call, 0, err)
		}
		if c.staplingFile != nil {
			answer, err := certs.ReadStaple(s.read, confPath(c.staplingFile, c.staplingFile.Arg(0)))
			if err != nil {
				return unplaced(c.staplingFile, 0, err)
			}
			place.Store(certs.FixedStaple(p, answer))
			continue
		}
		trusted, responder, sure, log := s.trusted, c.staplingURL, c.staplingSure, server.Root.ErrorLog
		all := s.stapler()
		find := finder(s.home.Load, t.names)
		follow := func(p *certs.Pair) (warning string) {
			staple, warning := certs.NewStaple(l.cert, p, trusted, responder, sure)
			if staple != nil {
				staple.Log, staple.Find = log, find
			}
			all.Replace(place.Swap(staple), staple)
			return warning
		}
		if warning := follow(p); warning != "" {
			call := c.certificates[i].call
			call.Warn(call.Errorf(0, "%s", warning).Unplaced())
		}
		l.follow = append(l.follow, func(p *certs.Pair) {
			if warning := follow(p); warning != "" {
				log.LogString(logs.Warn, 0, warning)
			}
		})
	}
	return nil
}

// stapler has the answers for staples fetched as long as the configuration serves.
func (s *sslBuilder) stapler() *certs.Stapler {
	if s.staples == nil {
		all := &certs.Stapler{}
		home := &atomic.Pointer[loop.Loop]{}
		s.staples, s.home = all, home
		s.b.Run("OCSP stapling", func(j *load.Job) {
			home.Store(j.Task().Loop())
			fetchStaples(j, all)
		})
	}
	return s.staples
}

func fetchStaples(j *load.Job, all *certs.Stapler) {
	const most = 30 * time.Second // a certificate may change meanwhile
	for !j.Stopped() {
		var next time.Time
		j.Task().Await(func() {
			next = all.Refresh(func(s *certs.Staple, err error) {
				host := ""
				if u, e := url.Parse(s.Responder); e == nil {
					host = u.Host
				}
				s.Log.Logf(logs.Error, 0, "%v while requesting certificate status, responder: %s, certificate: \"%s\"", err, host, s.Name)
			})
		})
		wait := most
		if !next.IsZero() {
			wait = min(wait, time.Until(next))
		}
		if j.Sleep(wait) != nil {
			return
		}
	}
}
