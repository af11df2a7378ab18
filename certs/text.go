package certs

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A PairText is what the files of a certificate and its key have. The Pair is made of it when it is first wanted: of ten thousand
// certificates most are wanted by nobody for a long time, and a Pair takes up several times as much memory. Any goroutine.
type PairText struct {
	Encrypted bool              // the key is
	Sum       [sha256.Size]byte // tells the texts from others
	Leaf      [sha256.Size]byte // tells the first certificate from others

	cert, key string // their names
	passwords []string
	mu        sync.Mutex
	texts     [2][]byte // nil once the Pair was made
	bad       [2]error  // of reading them
	pair      atomic.Pointer[Pair]
}

// ReadPair reads the files of a certificate and its key. Names are paths or "data:…". What is wrong with them is told by Check and Pair.
func ReadPair(read Read, cert, key string, passwords []string) *PairText {
	t := &PairText{cert: cert, key: key}
	for i, name := range []string{cert, key} {
		t.texts[i], t.bad[i] = text(read, name)
	}
	first := sha256.Sum256(t.texts[0])
	t.Sum = sha256.Sum256(append(first[:], t.texts[1]...))
	blocks(t.texts[0], func(b *pem.Block) bool {
		t.Leaf = sha256.Sum256(plainDER(b))
		return false
	}, certificateKinds...)
	if t.Encrypted = bytes.Contains(t.texts[1], []byte("ENCRYPTED")); t.Encrypted {
		t.passwords = passwords
	}
	return t
}

// Unread reports whether one of the files could not be read.
func (t *PairText) Unread() bool { return t.bad[0] != nil || t.bad[1] != nil }

// Have is the Pair if it was made before, else nil.
func (t *PairText) Have() *Pair { return t.pair.Load() }

// Pair makes the Pair, or returns that which was made before. It may take a millisecond, and far longer with a password: not on a loop.
// Errors are nginx's sentences.
func (t *PairText) Pair() (*Pair, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.pair.Load(); p != nil {
		return p, nil
	}
	p, err := t.parse()
	if err == nil {
		t.pair.Store(p)
		t.texts = [2][]byte{}
	}
	return p, err
}

// Check sees that a Pair can be made, without keeping it, and what is odd about it (Pair.Warnings).
func (t *PairText) Check(now time.Time) (warnings []string, err error) {
	p := t.Have()
	if p == nil {
		if p, err = t.parse(); err != nil {
			return nil, err
		}
	}
	return p.Warnings(t.cert, now), nil
}

func (t *PairText) parse() (*Pair, error) {
	chain, err := []*x509.Certificate(nil), t.bad[0]
	if err == nil {
		chain, err = ParseChain(t.texts[0])
	}
	if err != nil {
		return nil, fmt.Errorf("cannot load certificate \"%s\": %w", t.cert, err)
	}
	var k crypto.Signer
	if err = t.bad[1]; err == nil {
		k, err = ParseKey(t.texts[1], t.passwords)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot load certificate key \"%s\": %w", t.key, err)
	}
	p, err := newPair(t.key, chain, k)
	if err == nil {
		p.Encrypted = t.Encrypted
	}
	return p, err
}
