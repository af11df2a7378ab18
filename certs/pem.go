package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/youmark/pkcs8"

	"weir/logs"
)

// A Read returns the text of a file.
type Read func(path string) ([]byte, error)

// DataPrefix is what stands before a certificate or key that is given as it is, instead of a path.
const DataPrefix = "data:"

// storePrefix is what stands before the URI of a key: only those of files can be read.
const storePrefix = "store:"

// IsData reports whether a name is no path, but has a certificate or key in it.
func IsData(name string) bool { return strings.HasPrefix(name, DataPrefix) }

// IsAbsolute reports whether a name leads to its file, wherever the configuration lies.
func IsAbsolute(name string) bool {
	return filepath.IsAbs(name) || IsData(name) || strings.HasPrefix(name, storePrefix)
}

// PathOf is the path of the file that a name leads to.
func PathOf(name string) string {
	uri, ok := strings.CutPrefix(name, storePrefix)
	if !ok {
		return name
	}
	path, ok := strings.CutPrefix(uri, "file:")
	if !ok {
		return uri
	}
	return strings.TrimPrefix(strings.TrimPrefix(path, "//localhost"), "//")
}

// text is the text of a file, or what stands behind "data:".
func text(read Read, name string) ([]byte, error) {
	if data, ok := strings.CutPrefix(name, DataPrefix); ok {
		return []byte(data), nil
	}
	b, err := read(PathOf(name))
	if err != nil {
		return nil, fileError(PathOf(name), "r", err)
	}
	return b, nil
}

// fileError is what OpenSSL says of a file that cannot be read.
func fileError(path, mode string, err error) error {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return fmt.Errorf("BIO_new_file() failed (%v)", err)
	}
	last := "error:10080002:BIO routines::system lib"
	if errors.Is(err, fs.ErrNotExist) {
		last = "error:10000080:BIO routines::no such file"
	}
	return fmt.Errorf("BIO_new_file() failed (SSL: error:%08X:system library::%s:calling fopen(%s, %s) %s)",
		0x80000000|uint32(no), logs.ErrnoText(no), path, mode, last)
}

// FileError is what OpenSSL says of a file of ours that cannot be read, with the name of who wanted it in place of the usual one: for
// sentences such as BIO_new_file("x") failed (…).
func FileError(path, mode string, err error) error {
	_, reason, _ := strings.Cut(fileError(path, mode, err).Error(), " failed ")
	return fmt.Errorf("BIO_new_file(\"%s\") failed %s", path, reason)
}

// noStart says that a file has no block of the wanted kind; nor has its rest, if OpenSSL is to be believed.
func noStart(call, kind string) error {
	return fmt.Errorf("%s failed (SSL: error:0480006C:PEM routines::no start line:Expecting: %s)", call, kind)
}

var errCut = "(SSL: error:04800066:PEM routines::bad end line)"

// blocks calls f for each PEM block of the kinds, as long as it wants more. cut reports whether the text ends in the middle of one.
func blocks(text []byte, f func(*pem.Block) bool, kinds ...string) (cut bool) {
	for {
		b, rest := pem.Decode(text)
		if b == nil {
			for _, kind := range kinds {
				if bytes.Contains(text, []byte("-----BEGIN "+kind+"-----")) {
					return true
				}
			}
			return false
		}
		for _, kind := range kinds {
			if b.Type == kind && !f(b) {
				return false
			}
		}
		text = rest
	}
}

var certificateKinds = []string{"CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"}

// ParseChain reads the certificates of a PEM text: at least one.
func ParseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	var bad error
	cut := blocks(text, func(b *pem.Block) bool {
		var c *x509.Certificate
		c, bad = x509.ParseCertificate(plainDER(b))
		chain = append(chain, c)
		return bad == nil
	}, certificateKinds...)
	call := "PEM_read_bio_X509_AUX()"
	if len(chain) > 1 {
		call = "PEM_read_bio_X509()"
	}
	switch {
	case bad != nil:
		return nil, fmt.Errorf("%s failed (%v)", call, bad)
	case cut && len(chain) == 0:
		return nil, fmt.Errorf("%s failed %s", call, errCut)
	case cut:
		return nil, fmt.Errorf("PEM_read_bio_X509() failed %s", errCut)
	case len(chain) == 0:
		return nil, noStart(call, "TRUSTED CERTIFICATE")
	}
	return chain, nil
}

// plainDER is a certificate without what OpenSSL adds to a trusted one behind its end.
func plainDER(b *pem.Block) []byte {
	der := b.Bytes
	if b.Type != "TRUSTED CERTIFICATE" || len(der) < 4 || der[0] != 0x30 {
		return der
	}
	n, head := int(der[1]), 2
	if n >= 0x80 {
		head += n & 0x7f
		if head > len(der) || n&0x7f > 4 {
			return der
		}
		n = 0
		for _, c := range der[2:head] {
			n = n<<8 | int(c)
		}
	}
	if head+n > len(der) {
		return der
	}
	return der[:head+n]
}

// ErrPassword says that a key is encrypted and none of the passwords opens it.
var ErrPassword = errors.New("PEM_read_bio_PrivateKey() failed (SSL: error:1C800064:Provider routines::bad decrypt error:04800065:PEM routines::bad decrypt)")

var errNoKey = errors.New("PEM_read_bio_PrivateKey() failed (SSL: error:1E08010C:DECODER routines::unsupported:No supported data to decode. Input type: PEM)")

// ParseKey reads the first private key of a PEM text. An encrypted one is opened with one of the passwords.
func ParseKey(text []byte, passwords []string) (key crypto.Signer, err error) {
	err = errNoKey
	blocks(text, func(b *pem.Block) bool {
		key, err = parseKeyBlock(b, passwords)
		return false
	}, "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
	return key, err
}

func parseKeyBlock(b *pem.Block, passwords []string) (crypto.Signer, error) {
	der := b.Bytes
	var key any
	var err error
	switch {
	case b.Type == "ENCRYPTED PRIVATE KEY":
		err = ErrPassword
		for _, p := range passwords {
			if key, err = pkcs8.ParsePKCS8PrivateKey(der, []byte(p)); err == nil {
				break
			}
		}
	case strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
		err = ErrPassword
		for _, p := range passwords {
			//lint:ignore SA1019 such keys exist, and nginx reads them
			if plain, e := x509.DecryptPEMBlock(b, []byte(p)); e == nil {
				if key, err = parsePlainKey(b.Type, plain); err == nil {
					break
				}
			}
		}
	default:
		key, err = parsePlainKey(b.Type, der)
		if err != nil {
			return nil, fmt.Errorf("PEM_read_bio_PrivateKey() failed (%v)", err)
		}
	}
	if err != nil {
		return nil, ErrPassword
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("PEM_read_bio_PrivateKey() failed (keys of type %T are not supported)", key)
}

func parsePlainKey(kind string, der []byte) (any, error) {
	switch kind {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(der)
	}
	return x509.ParsePKCS8PrivateKey(der)
}

// ParsePasswords reads a password file: one a line.
func ParsePasswords(text []byte) []string {
	var all []string
	for line := range bytes.Lines(text) {
		all = append(all, strings.TrimRight(string(line), "\r\n"))
	}
	return all
}
