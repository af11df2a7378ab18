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

// certificates loads those that are there, and keeps the names of the others.
func (s *sslBuilder) certificates(t *serverTLS) error {
	c := t.conf
	var passwords []string
	if c.passwords != nil {
		b, err := s.file(c.passwords)
		if err != nil {
			return err
		}
		passwords = certs.ParsePasswords(b)
	}
	for i, cert := range c.certificates {
		_, plain := cert.text.Const()
		_, plainKey := c.keys[i].text.Const()
		if !plain || !plainKey {
			t.dynamic = dynamic{passwords: passwords, cache: c.cache, prefix: cert.call.Tree().ConfPrefix}
			for i := range c.certificates {
				t.dynamic.certificates = append(t.dynamic.certificates, c.certificates[i].text)
				t.dynamic.keys = append(t.dynamic.keys, c.keys[i].text)
			}
			t.pairs = nil
			return nil
		}
		p, err := s.pair(cert.call, c.keys[i].call, 0, passwords)
		if err != nil {
			return err
		}
		t.pairs = addLive(t.pairs, p)
	}
	return s.commanded(t, passwords)
}

// commanded loads the certificates of ssl_conf_command: each PrivateKey belongs to the Certificate before it.
func (s *sslBuilder) commanded(t *serverTLS, passwords []string) error {
	var cert *conf.Call
	for _, call := range t.conf.commands {
		switch strings.ToLower(call.Arg(0)) {
		case "certificate":
			cert = call
		case "privatekey":
			if cert == nil {
				return call.Errorf(0, "there is no \"Certificate\" for the \"PrivateKey\"")
			}
			p, err := s.pair(cert, call, 1, passwords)
			if err != nil {
				return err
			}
			t.pairs = addLive(t.pairs, p)
			cert = nil
		}
	}
	if cert != nil {
		return cert.Errorf(0, "there is no \"PrivateKey\" for the \"Certificate\"")
	}
	return nil
}

// pair loads a certificate and its key, which arguments name, once for all servers that have it: under whatever name, where the files have
// the same in them.
func (s *sslBuilder) pair(cert, key *conf.Call, arg int, passwords []string) (*live, error) {
	names := [2]string{confPath(cert, cert.Arg(arg)), confPath(key, key.Arg(arg))}
	if l := s.pairs[names]; l != nil {
		return l, nil
	}
	sum, known := certs.SumPair(s.read, names[0], names[1])
	p := s.texts[sum]
	if known && p != nil {
		p = p.Named(names[0])
	} else {
		var err error
		if p, err = certs.LoadPair(s.read, names[0], names[1], passwords); err != nil {
			return nil, unplaced(cert, arg, err)
		}
		if !p.Encrypted {
			s.texts[sum] = p
		}
	}
	for _, w := range p.Warnings(s.now) {
		cert.Warnf(arg, "%s", w)
	}
	l := newLive(p, names[0], names[1], passwords, s.log)
	l.watch(s.b.Env)
	s.pairs[names] = l
	return l, nil
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
