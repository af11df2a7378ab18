package ssl

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"weir/certs"
	"weir/http"
)

// tlsOf is the connection of a client that says hello.
func tlsOf(info *tls.ClientHelloInfo) *TLS { return certs.OwnerOf(info).(*TLS) }

var errNamed = errors.New("tls: the certificate cannot be loaded")

// namedCertificate loads the certificates that variables name for this connection.
func (s *TLS) namedCertificate(t *serverTLS, info *tls.ClientHelloInfo) (*tls.Certificate, error) {
	h := s.hello
	if strings.ContainsFunc(s.asked, func(c rune) bool { return c <= ' ' || c == '/' || c == 0x7f }) { // it may become a part of a path
		h.failed = fmt.Errorf("invalid server name %q, for which there is no certificate", s.asked)
		return nil, errNamed
	}
	client := *h.client
	client.TLS = s
	r := http.NewUnsent(s.Task(), &client, h.port)
	defer r.End()
	var pairs []*certs.Pair
	for i := range t.dynamic.certificates {
		cert, key := t.dynamic.path(r, t.dynamic.certificates[i]), t.dynamic.path(r, t.dynamic.keys[i])
		p := t.dynamic.cache.Get(cert, key, time.Now())
		if p == nil {
			var err error
			s.Await(func() { p, err = certs.LoadPair(os.ReadFile, cert, key, t.dynamic.passwords) })
			if err != nil {
				h.failed = err
				return nil, errNamed
			}
			t.dynamic.cache.Put(cert, key, p, time.Now())
		}
		pairs = certs.AddPair(pairs, p)
	}
	return s.show(pairs[certs.Choose(pairs, info)], nil), nil
}

// path is the name of a file, made absolute, or "data:…".
func (d *dynamic) path(r *http.Request, x *http.Text) string {
	name := string(r.Text(x))
	if certs.IsAbsolute(name) {
		return name
	}
	return fmt.Sprintf("%s%s", d.prefix, name)
}
