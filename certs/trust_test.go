package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/youmark/pkcs8"
)

// authority makes certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func make1(t *testing.T, by *authority, name string, change func(*x509.Certificate)) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return makeOf(t, by, name, key, change)
}

func makeOf(t *testing.T, by *authority, name string, key crypto.Signer, change func(*x509.Certificate)) *authority {
	t.Helper()
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	if change != nil {
		change(c)
	}
	if by == nil {
		by = &authority{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{c, key}
}

func pemText(all ...*authority) []byte {
	var b bytes.Buffer
	for _, a := range all {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	}
	return b.Bytes()
}

// files reads from a map.
func files(m map[string][]byte) Read {
	return func(path string) ([]byte, error) {
		if b, ok := m[path]; ok {
			return b, nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}
	}
}

func (a *authority) crl(t *testing.T, change func(*x509.RevocationList), revoked ...*authority) []byte {
	t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}
	for _, r := range revoked {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: r.cert.SerialNumber, RevocationTime: time.Now()})
	}
	if change != nil {
		change(l)
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, a.cert, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// TestVerify verifies chains of all sorts: what is not believed, and what OpenSSL calls it.
func TestVerify(t *testing.T) {
	root := make1(t, nil, "root", nil)
	between := make1(t, root, "between", nil)
	leaf := make1(t, between, "leaf", func(c *x509.Certificate) { c.IsCA = false })
	direct := make1(t, root, "direct", func(c *x509.Certificate) { c.IsCA = false })
	other := make1(t, nil, "other", nil)
	stranger := make1(t, other, "stranger", func(c *x509.Certificate) { c.IsCA = false })
	old := make1(t, root, "old", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	})
	early := make1(t, root, "early", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) })
	server := make1(t, root, "server", func(c *x509.Certificate) {
		c.IsCA, c.ExtKeyUsage = false, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	noCA := make1(t, root, "noca", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature })
	under := make1(t, noCA, "under", nil)
	pretender := *root.cert
	pretender.PublicKey = other.key.Public()
	forged := make1(t, &authority{&pretender, other.key}, "forged", nil)
	impostor := make1(t, nil, "root", nil) // of the same name
	tests := []struct {
		name    string
		trusted []*authority
		depth   int
		sent    []*authority
		code    int
	}{
		{"direct", []*authority{root}, 1, []*authority{direct}, 0},
		{"one between", []*authority{root}, 1, []*authority{leaf, between}, 0},
		{"the one between is known", []*authority{root, between}, 1, []*authority{leaf}, 0},
		{"too deep", []*authority{root}, 0, []*authority{leaf, between}, chainTooLong},
		{"depth 0", []*authority{root}, 0, []*authority{direct}, 0},
		{"self-signed and known", []*authority{root}, 1, []*authority{root}, 0},
		{"the one between is not sent", []*authority{root}, 1, []*authority{leaf}, noFirst},
		{"only the one between is known", []*authority{between}, 1, []*authority{leaf}, noIssuer},
		{"unknown", []*authority{root}, 1, []*authority{stranger}, noFirst},
		{"unknown, with its root", []*authority{root}, 1, []*authority{stranger, other}, selfSignedInChain},
		{"self-signed", []*authority{root}, 1, []*authority{other}, selfSigned},
		{"nobody is known", nil, 1, []*authority{direct}, noFirst},
		{"expired", []*authority{root}, 1, []*authority{old}, expired},
		{"too early", []*authority{root}, 1, []*authority{early}, notYetValid},
		{"for servers", []*authority{root}, 1, []*authority{server}, invalidPurpose},
		{"no authority", []*authority{root}, 1, []*authority{under, noCA}, noFirst},
		{"forged", []*authority{root}, 1, []*authority{forged}, noFirst},
		{"impostor", []*authority{root}, 1, []*authority{impostor}, selfSigned},
	}
	for _, tt := range tests {
		trust := NewTrust(tt.depth, x509.ExtKeyUsageClientAuth)
		for i, a := range tt.trusted {
			if err := trust.Load(files(map[string][]byte{"f": pemText(a)}), "f", i == 0); err != nil {
				t.Fatal(err)
			}
		}
		var sent []*x509.Certificate
		for _, a := range tt.sent {
			sent = append(sent, a.cert)
		}
		code := 0
		if _, bad := trust.Verify(sent, "", time.Now()); bad != nil {
			code = bad.Code
		}
		if code != tt.code {
			t.Errorf("%s: %d (%s); want %d (%s)", tt.name, code, verifyTexts[code], tt.code, verifyTexts[tt.code])
		}
	}
}

// TestManyIssuers has a client send hundreds of certificates that could be that of its issuer: not all of their signatures are looked at.
func TestManyIssuers(t *testing.T) {
	root := make1(t, nil, "root", nil)
	ca := make1(t, root, "ca", nil)
	leaf := make1(t, ca, "leaf", nil)
	trust := NewTrust(3, x509.ExtKeyUsageClientAuth)
	if err := trust.Load(files(map[string][]byte{"root": pemText(root)}), "root", false); err != nil {
		t.Fatal(err)
	}
	other := make1(t, root, "ca", nil)
	other.cert.SubjectKeyId = ca.cert.SubjectKeyId
	for _, n := range []int{10, 2 * maxTries} {
		sent := []*x509.Certificate{leaf.cert}
		for range n {
			sent = append(sent, other.cert)
		}
		want := 0
		if n > maxTries {
			want = noFirst
		}
		if _, code := trust.walk(append(sent, ca.cert)); code != want {
			t.Errorf("behind %d others: %d (%s); want %d", n, code, verifyTexts[code], want)
		}
	}
}

func TestCRL(t *testing.T) {
	root := make1(t, nil, "root", nil)
	between := make1(t, root, "between", nil)
	good, bad := make1(t, between, "good", nil), make1(t, between, "bad", nil)
	other := make1(t, nil, "root", nil)
	now := time.Now()
	tests := []struct {
		name string
		list [][]byte
		sent *authority
		code int
	}{
		{"good", [][]byte{root.crl(t, nil), between.crl(t, nil, bad)}, good, 0},
		{"revoked", [][]byte{root.crl(t, nil), between.crl(t, nil, bad)}, bad, isRevoked},
		{"the issuer is revoked", [][]byte{root.crl(t, nil, between), between.crl(t, nil)}, good, isRevoked},
		{"a list is missing", [][]byte{root.crl(t, nil)}, good, noCRL},
		{"a list is old", [][]byte{root.crl(t, nil), between.crl(t, func(l *x509.RevocationList) {
			l.ThisUpdate, l.NextUpdate = now.Add(-2*time.Hour), now.Add(-time.Hour)
		})}, good, crlExpired},
		{"a list is early", [][]byte{root.crl(t, nil), between.crl(t, func(l *x509.RevocationList) { l.ThisUpdate = now.Add(time.Minute) })}, good, crlNotYetValid},
		{"a list is forged", [][]byte{other.crl(t, nil), between.crl(t, nil)}, good, badCRLSignature},
		{"the newer list counts", [][]byte{root.crl(t, nil), between.crl(t, nil, bad), between.crl(t, func(l *x509.RevocationList) {
			l.ThisUpdate = now.Add(-time.Hour)
		})}, bad, isRevoked},
	}
	for _, tt := range tests {
		trust := NewTrust(1, x509.ExtKeyUsageClientAuth)
		read := files(map[string][]byte{"ca": pemText(root), "crl": bytes.Join(tt.list, nil), "none": []byte("x")})
		if err := trust.Load(read, "ca", true); err != nil {
			t.Fatal(err)
		}
		if err := trust.LoadCRL(read, "crl"); err != nil {
			t.Fatal(err)
		}
		code := 0
		if _, bad := trust.Verify([]*x509.Certificate{tt.sent.cert, between.cert}, "", now); bad != nil {
			code = bad.Code
		}
		if code != tt.code {
			t.Errorf("%s: %d (%s); want %d", tt.name, code, verifyTexts[code], tt.code)
		}
		want := `cannot load CRL "none": PEM_read_bio_X509_CRL() failed (SSL: error:0480006C:PEM routines::no start line:Expecting: X509 CRL)`
		if err := trust.LoadCRL(read, "none"); err == nil || err.Error() != want {
			t.Error(err)
		}
	}
}

// TestLoadPair loads keys of all forms, and says what is wrong in OpenSSL's words.
func TestLoadPair(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec := make1(t, nil, "ec", nil)
	r := makeOf(t, nil, "rsa", rsaKey, nil)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	plain, _ := x509.MarshalPKCS8PrivateKey(rsaKey)
	ecDER, _ := x509.MarshalECPrivateKey(ec.key.(*ecdsa.PrivateKey))
	locked, err := pkcs8.MarshalPrivateKey(rsaKey, []byte("sesame"), nil)
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 such keys exist
	legacy, _ := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), []byte("sesame"), x509.PEMCipherAES128)
	read := files(map[string][]byte{
		"rsa.crt": pemText(r), "ec.crt": pemText(ec), "chain.crt": pemText(ec, r), "rsa.key": block("PRIVATE KEY", plain),
		"rsa1.key": block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), "locked.key": block("ENCRYPTED PRIVATE KEY", locked),
		"legacy.key": pem.EncodeToMemory(legacy), "ec.key": append(block("EC PARAMETERS", []byte{6, 0}), block("EC PRIVATE KEY", ecDER)...),
		"both.pem": append(pemText(ec), block("EC PRIVATE KEY", ecDER)...), "empty": nil, "text": []byte("hello\n"), "cut.crt": pemText(ec)[:200],
		"broken.crt": block("CERTIFICATE", []byte("hello")), "broken.key": block("PRIVATE KEY", []byte("hello")),
	})
	const noKey = `PEM_read_bio_PrivateKey() failed (SSL: error:1E08010C:DECODER routines::unsupported:No supported data to decode. Input type: PEM)`
	const noCert = `PEM_read_bio_X509_AUX() failed (SSL: error:0480006C:PEM routines::no start line:Expecting: TRUSTED CERTIFICATE)`
	const noFile = `BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory:calling fopen(nope, r) error:10000080:BIO routines::no such file)`
	const mismatch = ` failed (SSL: error:05800074:x509 certificate routines::key values mismatch)`
	tests := []struct{ cert, key, want string }{
		{"rsa.crt", "rsa.key", ""},
		{"rsa.crt", "rsa1.key", ""},
		{"rsa.crt", "locked.key", ""},
		{"rsa.crt", "legacy.key", ""},
		{"ec.crt", "ec.key", ""},
		{"chain.crt", "ec.key", ""},
		{"both.pem", "both.pem", ""},
		{"data:" + string(pemText(ec)), "data:" + string(block("EC PRIVATE KEY", ecDER)), ""},
		{"nope", "ec.key", `cannot load certificate "nope": ` + noFile},
		{"ec.crt", "nope", `cannot load certificate key "nope": ` + noFile},
		{"empty", "ec.key", `cannot load certificate "empty": ` + noCert},
		{"text", "ec.key", `cannot load certificate "text": ` + noCert},
		{"ec.key", "ec.key", `cannot load certificate "ec.key": ` + noCert},
		{"cut.crt", "ec.key", `cannot load certificate "cut.crt": PEM_read_bio_X509_AUX() failed (SSL: error:04800066:PEM routines::bad end line)`},
		{"broken.crt", "ec.key", `cannot load certificate "broken.crt": PEM_read_bio_X509_AUX() failed (x509: malformed certificate)`},
		{"ec.crt", "text", `cannot load certificate key "text": ` + noKey},
		{"ec.crt", "ec.crt", `cannot load certificate key "ec.crt": ` + noKey},
		{"ec.crt", "rsa.key", `SSL_CTX_use_PrivateKey("rsa.key")` + mismatch},
		{"rsa.crt", "ec.key", `SSL_CTX_use_PrivateKey("ec.key")` + mismatch},
	}
	for _, tt := range tests {
		_, err := LoadPair(read, tt.cert, tt.key, []string{"wrong", "sesame"})
		said := ""
		if err != nil {
			said = err.Error()
		}
		if said != tt.want {
			t.Errorf("%.20s, %.20s: %s; want %s", tt.cert, tt.key, said, tt.want)
		}
	}
	for _, key := range []string{"locked.key", "legacy.key"} {
		for _, passwords := range [][]string{nil, {"wrong"}} {
			if _, err := LoadPair(read, "rsa.crt", key, passwords); !errors.Is(err, ErrPassword) {
				t.Errorf("%s without its password: %v", key, err)
			}
		}
	}
	if _, err := LoadPair(read, "ec.crt", "broken.key", nil); err == nil || !strings.HasPrefix(err.Error(), `cannot load certificate key "broken.key": PEM_read_bio_PrivateKey() failed (`) {
		t.Error(err)
	}
}

func TestWarnings(t *testing.T) {
	root := make1(t, nil, "root", nil)
	now := time.Now()
	pair := func(from, to time.Duration, chain ...*authority) *Pair {
		leaf := make1(t, root, "leaf", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(from), now.Add(to) })
		p := &Pair{Certificate: tls.Certificate{Leaf: leaf.cert, Certificate: [][]byte{leaf.cert.Raw}}}
		for _, c := range chain {
			p.Certificate.Certificate = append(p.Certificate.Certificate, c.cert.Raw)
		}
		return p
	}
	const day = 24 * time.Hour
	for _, tt := range []struct {
		p    *Pair
		want string
	}{
		{pair(-30*day, 60*day, root), ""},
		{pair(-day, 5*day), ""}, // it is short-lived by design
		{pair(-80*day, 10*day), `certificate "x" expires on `},
		{pair(-80*day, -day), `certificate "x" expired on `},
		{pair(day, 60*day), `certificate "x" is not valid before `},
		{pair(-30*day, 60*day, make1(t, nil, "other", nil)), `the chain of certificate "x" is out of order: certificate 2 is not that of the issuer of the one before`},
	} {
		got := strings.Join(tt.p.Warnings("x", now), "\n")
		if got != tt.want && (tt.want == "" || !strings.HasPrefix(got, tt.want)) {
			t.Errorf("%q; want %q", got, tt.want)
		}
	}
}
