package weirtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// CertificateOptions say what a certificate for tests is like.
type CertificateOptions struct {
	By      string // who signs it, by name; "": itself
	CA      bool
	Expired bool
	RSA     bool     // the key is one of 2048 bits; else P-256
	For     []string // names that it is for, in place of its own and localhost
}

// WriteCertificate makes a certificate and its key, dir/name.crt and dir/name.key. It is for the name and for localhost.
func WriteCertificate(dir, name string, o CertificateOptions) error {
	var key crypto.Signer
	var err error
	if o.RSA {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return err
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name, "localhost"},
		NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(100 * 24 * time.Hour),
		BasicConstraintsValid: true, IsCA: o.CA, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if o.CA {
		c.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	if len(o.For) > 0 {
		c.DNSNames = o.For
	}
	if o.Expired {
		c.NotAfter = now.Add(-24 * time.Hour)
	}
	parent, signer := c, any(key)
	if o.By != "" {
		by, err := LoadCertificate(dir, o.By)
		if err != nil {
			return err
		}
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		return err
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, name+".crt"), text, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs}), 0o600)
}

// LoadCertificate reads what WriteCertificate has written.
func LoadCertificate(dir, name string) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
}

// Secure does a handshake on the connection, for a server of that name; whoever it is is believed.
func (c *Client) Secure(name string, with *tls.Certificate, protocols ...string) error {
	config := &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: protocols}
	if with != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return with, nil } // wanted or not
	}
	return c.SecureWith(config)
}

// SecureWith does a handshake as a client of that configuration.
func (c *Client) SecureWith(config *tls.Config) error {
	secure := tls.Client(c.Conn, config)
	if err := c.Conn.SetDeadline(time.Now().Add(Patience())); err != nil {
		return err
	}
	if err := secure.Handshake(); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if err := c.Conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	c.Conn = secure
	c.r.Reset(secure)
	return nil
}
