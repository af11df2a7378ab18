package certs

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"

	"weir/loop"
)

// secrets is what is learned of the keys of a connection while crypto/tls does its handshake: the secrets from its key log, and how many
// records it has sent with the final keys. It is an io.Writer, for the log.
type secrets struct {
	client, server []byte // of TLS 1.3, for the data of either side
	master         []byte // of TLS 1.2
	clientRandom   []byte
	serverRandom   []byte // seen in what is sent, as the suite
	suite          *suite // nil: not known, or none of ours
	out            half   // of TLS 1.3, once its secret is known

	// Of TLS 1.2 where a session is resumed, of which the key log has nothing.
	hello    [randomEnd]byte // the beginning of the client's first record
	helloN   int
	session  []byte // the master secret of the session
	changed  bool   // a ChangeCipherSpec was sent
	finished bool   // out was found to be the key of our Finished
}

// randomEnd is where the random of a ClientHello ends in its record.
const randomEnd = headerLen + 4 + 2 + 32

// received takes note of what the client has sent.
func (s *secrets) received(p []byte) {
	if s.helloN < randomEnd {
		s.helloN += copy(s.hello[s.helloN:], p)
	}
}

// resumed takes note of a session that the client comes back to. Its encoding is the library's affair, so what is found in it is
// believed only once a record opens with it.
func (s *secrets) resumed(session *tls.SessionState) {
	const server, secretAt = 1, 2 + 1 + 2 + 8 // behind version, kind, suite, time of creation
	b, err := session.Bytes()
	if err != nil || len(b) <= secretAt || int(b[0])<<8|int(b[1]) != tls.VersionTLS12 || b[2] != server {
		return
	}
	if n := int(b[secretAt]); n > 0 && len(b) > secretAt+n {
		s.session = b[secretAt+1 : secretAt+1+n]
	}
}

// Write takes a line of a key log: label, client's random, secret.
func (s *secrets) Write(line []byte) (int, error) {
	f := bytes.Fields(line)
	if len(f) != 3 {
		return len(line), nil
	}
	random, err := hex.DecodeString(string(f[1]))
	if err != nil {
		return 0, err
	}
	secret, err := hex.DecodeString(string(f[2]))
	if err != nil {
		return 0, err
	}
	switch string(f[0]) {
	case "CLIENT_RANDOM":
		s.clientRandom, s.master = random, secret
	case "CLIENT_TRAFFIC_SECRET_0":
		s.client = secret
	case "SERVER_TRAFFIC_SECRET_0":
		s.server = secret
	}
	return len(line), nil
}

// sent looks at records that go out: the first has the server's random and the suite, and those that open with the final keys count. How
// many they are (session tickets) is for crypto/tls to decide, so it is not guessed.
func (s *secrets) sent(l *loop.Loop, p []byte) {
	for len(p) >= headerLen {
		n := headerLen + int(p[3])<<8 + int(p[4])
		if n > len(p) {
			return
		}
		switch {
		case p[0] == typeHandshake && s.serverRandom == nil:
			s.serverHello(p[headerLen:n])
		case p[0] == typeData && s.server != nil && s.suite != nil:
			s.tryOpen(l, p[:n])
		case p[0] == typeChangeCipherSpec:
			s.changed = true
		case p[0] == typeHandshake && s.changed && s.session != nil && s.suite != nil && s.suite.before:
			s.tryFinished(l, p[:n])
		}
		p = p[n:]
	}
}

// serverHello reads the beginning of a ServerHello: of HelloRetryRequest too, whose suite is that of the ServerHello behind it.
func (s *secrets) serverHello(m []byte) {
	const kind, randomAt, idAt = 2, 6, 38 // behind kind, length and version; then a session id with its length
	if len(m) <= idAt || m[0] != kind {
		return
	}
	suiteAt := idAt + 1 + int(m[idAt])
	if len(m) < suiteAt+2 {
		return
	}
	s.serverRandom = bytes.Clone(m[randomAt:idAt])
	s.suite = suiteOf(uint16(m[suiteAt])<<8 | uint16(m[suiteAt+1]))
}

// tryOpen counts a record if it was made with the final keys.
func (s *secrets) tryOpen(l *loop.Loop, record []byte) {
	if s.out.suite == nil && s.out.start(s.suite, s.server) != nil {
		s.suite = nil // crypto/tls goes on
		return
	}
	s.opens(l, record)
}

// tryFinished sees whether our Finished of a session that is resumed was made with the keys that its secret leads to.
func (s *secrets) tryFinished(l *loop.Loop, record []byte) {
	if s.helloN < randomEnd {
		return
	}
	s.clientRandom = s.hello[randomEnd-32:]
	if _, out, ok := s.before(s.session); ok {
		s.out = out
		s.finished = s.opens(l, record)
	}
}

// opens reports whether a record that was sent opens with out, which counts it.
func (s *secrets) opens(l *loop.Loop, record []byte) bool {
	room := l.Take(len(record))
	copy(room, record)
	_, _, err := s.out.open(room[:len(record)])
	l.Give(room)
	return err == nil
}

// before are the keys of TLS 1.2, with nothing said yet.
func (s *secrets) before(master []byte) (in, out half, ok bool) {
	key, iv := s.suite.key, s.suite.fixedIV()
	b := keyBlock(s.suite, master, s.serverRandom, s.clientRandom, 2*key+2*iv)
	ok = in.set(s.suite, b[:key], b[2*key:2*key+iv]) == nil && out.set(s.suite, b[key:2*key], b[2*key+iv:]) == nil
	return in, out, ok
}

// halves are the keys of both directions, seen from the server, for a handshake that is over; ok is false where crypto/tls has to go on.
func (s *secrets) halves(state *tls.ConnectionState) (in, out half, ok bool) {
	suite := s.suite
	switch {
	case suite == nil || suite.id != state.CipherSuite:
	case state.Version == tls.VersionTLS13 && s.client != nil && s.server != nil:
		if s.out.suite == nil && s.out.start(suite, s.server) != nil {
			return in, out, false
		}
		return in, s.out, in.start(suite, s.client) == nil
	case state.Version == tls.VersionTLS12 && s.serverRandom != nil && (s.master != nil || s.finished):
		master := s.master
		if master == nil {
			master = s.session
		}
		in, out, ok = s.before(master)
		in.seq, out.seq = 1, 1 // each side has sent its Finished
		return in, out, ok
	}
	return in, out, false
}
