package ssl

import (
	"net/url"
	"time"

	"weir/certs"
	"weir/http"
	"weir/load"
	"weir/logs"
)

// staple finds out with which of its certificates a server shows the word of their authorities.
func (s *sslBuilder) staple(t *serverTLS, server *http.Server) error {
	c := t.conf
	if !c.stapling || t.dynamic.certificates != nil {
		return nil
	}
	t.staples = make([]*certs.Staple, len(t.pairs))
	for i, l := range t.pairs {
		p := l.first
		if c.staplingFile != nil {
			staple, err := certs.StapleFile(s.read, p, confPath(c.staplingFile, c.staplingFile.Arg(0)))
			if err != nil {
				return unplaced(c.staplingFile, 0, err)
			}
			t.staples[i] = staple
			continue
		}
		staple, warning := certs.NewStaple(p, s.trusted, c.staplingURL, c.staplingSure)
		if warning != "" {
			call := c.certificates[i].call
			call.Warn(call.Errorf(0, "%s", warning).Unplaced())
			continue
		}
		t.staples[i] = staple
		s.fetch(staple, server.Root.ErrorLog)
	}
	return nil
}

// fetch has the answers for a staple fetched as long as the configuration serves.
func (s *sslBuilder) fetch(staple *certs.Staple, log *logs.Logger) {
	if s.due == nil {
		s.due, s.logs = map[*certs.Staple]time.Time{}, map[*certs.Staple]*logs.Logger{}
		due, list := s.due, s.logs
		s.b.Run("OCSP stapling", func(j *load.Job) { fetchStaples(j, due, list) })
	}
	s.due[staple], s.logs[staple] = time.Time{}, log
}

func fetchStaples(j *load.Job, due map[*certs.Staple]time.Time, list map[*certs.Staple]*logs.Logger) {
	for !j.Stopped() {
		var next time.Time
		j.Task().Await(func() {
			next = certs.RefreshAll(due, time.Now(), func(s *certs.Staple, err error) {
				host := ""
				if u, e := url.Parse(s.Responder); e == nil {
					host = u.Host
				}
				list[s].Logf(logs.Error, 0, "%v while requesting certificate status, responder: %s, certificate: \"%s\"", err, host, s.Name)
			})
		})
		if j.Sleep(time.Until(next)) != nil {
			return
		}
	}
}
