package ssl

import (
	"bytes"
	"net/url"
	"sync/atomic"
	"time"

	"weir/certs"
	"weir/conf"
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
		t.staples[i] = &stapled{}
		cert := c.certificates[min(i, len(c.certificates)-1)].call // ssl_conf_command may have more
		p, err := l.pair()
		switch {
		case err != nil:
			return unplaced(cert, 0, err)
		case c.staplingFile != nil:
			if err := s.stapleFile(t.staples[i], l, p, c.staplingFile); err != nil {
				return unplaced(c.staplingFile, 0, err)
			}
		default:
			if warning := s.askForStaples(t, t.staples[i], l, p, server.Root.ErrorLog); warning != "" {
				cert.Warn(cert.Errorf(0, "%s", warning).Unplaced())
			}
		}
	}
	return nil
}

// stapleFile has a certificate shown with the answer of a file, as both are now. What does not belong together is shown only if it was so
// when it was loaded, as nginx does: of what changes, one part may come before the other.
func (s *sslBuilder) stapleFile(place *stapled, l *live, p *certs.Pair, call *conf.Call) error {
	name, log := confPath(call, call.Arg(0)), s.log
	answer, err := certs.ReadStaple(s.read, name)
	if err != nil {
		return err
	}
	place.Store(certs.FixedStaple(p, answer))
	show := func(p *certs.Pair) {
		if !certs.IsAbout(answer, p) {
			place.Store(nil)
			log.Logf(logs.Warn, 0, "the OCSP response in \"%s\" is not about certificate \"%s\", and is not sent with it", name, l.cert)
			return
		}
		place.Store(certs.FixedStaple(p, answer))
	}
	l.follow = append(l.follow, show)
	s.b.Watch(load.Watch{Files: []string{name}, Changed: func(read func(string) ([]byte, error)) error {
		now, err := certs.ReadStaple(read, name)
		if err == nil && bytes.Equal(now, answer) {
			return nil
		}
		var p *certs.Pair
		if err == nil {
			p, err = l.pair()
		}
		if err != nil {
			log.Logf(logs.Error, 0, "%v; the OCSP response that was there before stays in use", err)
			return err
		}
		answer = now
		show(p)
		return nil
	}})
	return nil
}

// askForStaples has the authority asked about a certificate. The warning says why it is not.
func (s *sslBuilder) askForStaples(t *serverTLS, place *stapled, l *live, p *certs.Pair, log *logs.Logger) (warning string) {
	trusted, responder, sure := s.trusted, t.conf.staplingURL, t.conf.staplingSure
	all := s.stapler()
	find, name := finder(s.home.Load, t.names), l.cert
	follow := func(p *certs.Pair) (warning string) {
		staple, warning := certs.NewStaple(name, p, trusted, responder, sure)
		if staple != nil {
			staple.Log, staple.Find = log, find
		}
		all.Replace(place.Swap(staple), staple)
		return warning
	}
	l.follow = append(l.follow, func(p *certs.Pair) {
		if warning := follow(p); warning != "" {
			log.LogString(logs.Warn, 0, warning)
		}
	})
	return follow(p)
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
