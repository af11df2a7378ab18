package weirtest

import (
	"crypto/tls"
	"fmt"
)

// Secure has the back end speak TLS from here on, with the certificate of a name in dir. It takes any certificate of clients.
func (b *Backend) Secure(dir, name string) error {
	pair, err := LoadCertificate(dir, name)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.secure = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	return nil
}

// shake does the handshake, and says what was agreed upon: "TLS 1.3 name=example.com resumed client=CN alpn=h2".
func (x *Exchange) shake(c *tls.Conn) (string, error) {
	if err := c.Handshake(); err != nil {
		return "", err
	}
	s := c.ConnectionState()
	said := fmt.Sprintf("%s name=%s", tls.VersionName(s.Version), s.ServerName)
	if s.DidResume {
		said += " resumed"
	}
	if len(s.PeerCertificates) > 0 {
		said += " client=" + s.PeerCertificates[0].Subject.CommonName
	}
	if s.NegotiatedProtocol != "" {
		said += " alpn=" + s.NegotiatedProtocol
	}
	return said + "\n", nil
}
