package ssl

import (
	"strings"

	"weir/certs"
	"weir/conf"
	"weir/http"
	"weir/logs"
)

// dynamic are certificates that are named by variables.
type dynamic struct {
	certificates []*http.Text // nil: there are none
	keys         []*http.Text
	passwords    []string
	cache        *certs.PairCache
	prefix       string // of relative paths
}

// named reports whether variables name one of the certificates or keys.
func (c *sslConf) named() bool {
	for _, list := range [][]sslName{c.certificates, c.keys} {
		for _, name := range list {
			if _, plain := name.text.Const(); !plain {
				return true
			}
		}
	}
	return false
}

// certificates takes those that are there, and keeps the names of the others.
func (s *sslBuilder) certificates(t *serverTLS) error {
	c := t.conf
	passwords, err := s.passwords(c)
	if err != nil {
		return err
	}
	if c.named() {
		t.dynamic = dynamic{passwords: passwords, cache: c.cache, prefix: c.certificates[0].call.Tree().ConfPrefix}
		for i := range c.certificates {
			t.dynamic.certificates = append(t.dynamic.certificates, c.certificates[i].text)
			t.dynamic.keys = append(t.dynamic.keys, c.keys[i].text)
		}
		return nil
	}
	for i, cert := range c.certificates {
		if err := s.add(t, cert.call, c.keys[i].call, 0); err != nil {
			return err
		}
	}
	return s.commanded(t)
}

// commanded loads the certificates of ssl_conf_command: each PrivateKey belongs to the Certificate before it.
func (s *sslBuilder) commanded(t *serverTLS) error {
	var cert *conf.Call
	for _, call := range t.conf.commands {
		switch strings.ToLower(call.Arg(0)) {
		case "certificate":
			cert = call
		case "privatekey":
			if cert == nil {
				return call.Errorf(0, "there is no \"Certificate\" for the \"PrivateKey\"")
			}
			if err := s.add(t, cert, call, 1); err != nil {
				return err
			}
			cert = nil
		}
	}
	if cert != nil {
		return cert.Errorf(0, "there is no \"PrivateKey\" for the \"Certificate\"")
	}
	return nil
}

// add adds the certificate and key that arguments name to those of a server. Who has the same has them in common.
func (s *sslBuilder) add(t *serverTLS, cert, key *conf.Call, arg int) error {
	id := s.id(t.conf, cert, key, arg)
	l := s.lives[id]
	if l == nil {
		r, err := s.texts.read(s, id)
		if err != nil {
			return unplaced(cert, arg, err)
		}
		for _, w := range r.warnings {
			cert.Warnf(arg, "%s", w)
		}
		l = newLive(r.text, id.cert, id.key, s.texts.passwords[id.passwords], s.log)
		l.watch(s.b.Env)
		s.lives[id] = l
	}
	var err error
	if t.pairs, err = addLive(t.pairs, l); err != nil {
		return unplaced(cert, arg, err)
	}
	return nil
}

// unplaced is an error about an argument for which nginx gives no line.
func unplaced(call *conf.Call, arg int, err error) error {
	return call.Errorf(arg, "%v", err).Unplaced()
}

// file reads the file of a directive.
func (s *sslBuilder) file(call *conf.Call) ([]byte, error) {
	path := confPath(call, call.Arg(0))
	b, err := s.read(path)
	if err != nil {
		return nil, call.Errorf(0, "open() \"%s\" failed %s", path, logs.AppendErrno(nil, err))
	}
	return b, nil
}
