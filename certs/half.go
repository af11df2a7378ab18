package certs

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// Numbers of the record protocol (RFC 8446, section 5.1; RFC 5246, section 6.2).
const (
	typeChangeCipherSpec = 20
	typeAlert            = 21
	typeHandshake        = 22
	typeData             = 23

	headerLen = 5
	tagLen    = 16
	nonceLen  = 12
)

// A suite says how records of a cipher suite are protected: those with authenticated encryption alone.
type suite struct {
	id     uint16
	key    int // bytes of a key
	hash   func() hash.Hash
	gcm    bool // AES-GCM; else ChaCha20-Poly1305
	before bool // of TLS 1.2
}

// suites are those whose records weir protects itself; with others crypto/tls does so.
var suites = []suite{
	{tls.TLS_AES_128_GCM_SHA256, 16, sha256.New, true, false},
	{tls.TLS_AES_256_GCM_SHA384, 32, sha512.New384, true, false},
	{tls.TLS_CHACHA20_POLY1305_SHA256, 32, sha256.New, false, false},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 16, sha256.New, true, true},
	{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 16, sha256.New, true, true},
	{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 32, sha512.New384, true, true},
	{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 32, sha512.New384, true, true},
	{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 32, sha256.New, false, true},
	{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, 32, sha256.New, false, true},
	{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, 16, sha256.New, true, true},
	{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, 32, sha512.New384, true, true},
}

func suiteOf(id uint16) *suite {
	for i := range suites {
		if suites[i].id == id {
			return &suites[i]
		}
	}
	return nil
}

// A half protects the records of one direction of a connection, or takes the protection off.
type half struct {
	suite  *suite
	aead   cipher.AEAD
	seq    uint64
	secret [sha512.Size384]byte // of TLS 1.3, as long as the suite's hash: the next keys are derived from it
	iv     [nonceLen]byte

	// What the cipher is called with; on the stack they would be copied to the heap each time.
	nonce [nonceLen]byte
	extra [13]byte
}

// start sets the keys of TLS 1.3 (RFC 8446, section 7.3).
func (h *half) start(s *suite, secret []byte) error {
	key, err := expandLabel(s, secret, "key", s.key)
	if err != nil {
		return err
	}
	iv, err := expandLabel(s, secret, "iv", nonceLen)
	if err != nil {
		return err
	}
	copy(h.secret[:], secret)
	return h.set(s, key, iv)
}

// update goes on to the next keys (RFC 8446, section 7.2).
func (h *half) update() error {
	n := h.suite.hash().Size()
	next, err := expandLabel(h.suite, h.secret[:n], "traffic upd", n)
	if err != nil {
		return err
	}
	return h.start(h.suite, next)
}

// set sets a key. iv is that of TLS 1.3, or the fixed part of nonces of TLS 1.2.
func (h *half) set(s *suite, key, iv []byte) error {
	var err error
	if s.gcm {
		var block cipher.Block
		if block, err = aes.NewCipher(key); err == nil {
			h.aead, err = cipher.NewGCM(block)
		}
	} else {
		h.aead, err = chacha20poly1305.New(key)
	}
	h.suite, h.seq = s, 0
	h.iv = [nonceLen]byte{}
	copy(h.iv[:], iv)
	return err
}

func expandLabel(s *suite, secret []byte, label string, n int) ([]byte, error) {
	info := append(make([]byte, 0, 32), byte(n>>8), byte(n), byte(len("tls13 ")+len(label)))
	info = append(append(append(info, "tls13 "...), label...), 0)
	return hkdf.Expand(s.hash, secret, string(info), n)
}

// keyBlock is what keys of TLS 1.2 are cut from: client's key, server's key, client's iv, server's iv (RFC 5246, sections 5 and 6.3).
func keyBlock(s *suite, master, serverRandom, clientRandom []byte, n int) []byte {
	seed := append(append([]byte("key expansion"), serverRandom...), clientRandom...)
	mac := hmac.New(s.hash, master)
	sum := func(parts ...[]byte) []byte {
		mac.Reset()
		for _, p := range parts {
			_, _ = mac.Write(p)
		}
		return mac.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}

// fixedIV is how many bytes of a nonce of TLS 1.2 are not sent.
func (s *suite) fixedIV() int {
	if s.gcm {
		return 4
	}
	return nonceLen
}

// explicit is how many bytes of the nonce stand in each record (RFC 5288, section 3).
func (h *half) explicit() int {
	if h.suite.before && h.suite.gcm {
		return 8
	}
	return 0
}

// overhead is how much longer a record is than what is in it.
func (h *half) overhead() int {
	if h.suite.before {
		return headerLen + h.explicit() + tagLen
	}
	return headerLen + 1 + tagLen
}

// setNonce makes the nonce of the record with the number seq.
func (h *half) setNonce() {
	h.nonce = h.iv
	if h.explicit() > 0 {
		binary.BigEndian.PutUint64(h.nonce[4:], h.seq)
		return
	}
	tail := h.nonce[nonceLen-8:]
	binary.BigEndian.PutUint64(tail, binary.BigEndian.Uint64(tail)^h.seq)
}

// setExtra makes the additional data of TLS 1.2 for n bytes.
func (h *half) setExtra(kind byte, n int) {
	binary.BigEndian.PutUint64(h.extra[:], h.seq)
	h.extra[8], h.extra[9], h.extra[10] = kind, 3, 3
	binary.BigEndian.PutUint16(h.extra[11:], uint16(n))
}

// seal appends a record with data to b, which has the room.
func (h *half) seal(b []byte, kind byte, data []byte) []byte {
	begin, n := len(b), len(data)+h.overhead()-headerLen
	h.setNonce()
	if h.suite.before {
		b = append(b, kind, 3, 3, byte(n>>8), byte(n))
		b = append(b, h.nonce[nonceLen-h.explicit():]...)
		h.setExtra(kind, len(data))
		b = h.aead.Seal(b, h.nonce[:], data, h.extra[:])
	} else {
		b = append(b, typeData, 3, 3, byte(n>>8), byte(n))
		b = append(append(b, data...), kind)
		body := b[begin+headerLen:]
		body = h.aead.Seal(body[:0], h.nonce[:], body, b[begin:begin+headerLen])
		b = b[:begin+headerLen+len(body)]
	}
	h.seq++
	return b
}

// open takes off the protection of a record, in place, and returns what kind it is of and what is in it. An error is an alert for the
// peer.
func (h *half) open(record []byte) (kind byte, data []byte, err error) {
	kind = record[0]
	body := record[headerLen:]
	explicit := h.explicit()
	if len(body) < explicit+tagLen {
		return 0, nil, tls.AlertError(alertBadRecordMAC)
	}
	h.setNonce()
	copy(h.nonce[nonceLen-explicit:], body[:explicit])
	body = body[explicit:]
	extra := record[:headerLen]
	if h.suite.before {
		h.setExtra(kind, len(body)-tagLen)
		extra = h.extra[:]
	}
	data, err = h.aead.Open(body[:0], h.nonce[:], body, extra)
	if err != nil {
		return 0, nil, tls.AlertError(alertBadRecordMAC)
	}
	h.seq++
	if !h.suite.before { // the kind stands behind the data, and padding behind it
		n := len(data)
		for n > 0 && data[n-1] == 0 {
			n--
		}
		if n == 0 {
			return 0, nil, tls.AlertError(alertUnexpectedMessage)
		}
		kind, data = data[n-1], data[:n-1]
	}
	if len(data) > MaxRecord {
		return 0, nil, tls.AlertError(alertRecordOverflow)
	}
	return kind, data, nil
}
