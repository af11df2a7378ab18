package certs

import (
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"sync"
	"time"
)

// Sessions is how the sessions of a server are resumed: only by clients that come to it again, in its time. Any goroutine.
type Sessions struct {
	server  [sha256.Size]byte // who may take a session up again
	timeout time.Duration
	keys    *tls.Config   // what has the keys of tickets
	cache   *SessionCache // instead: tickets are only numbers
	now     func() time.Time
}

// NewTicketKeys makes what encrypts tickets with keys that change by themselves. It can be used by one configuration after the other.
func NewTicketKeys() *tls.Config { return &tls.Config{} }

// ParseTicketKey reads a key file of nginx: 48 or 80 bytes.
func ParseTicketKey(text []byte) (key [32]byte, ok bool) {
	return sha256.Sum256(text), len(text) == 48 || len(text) == 80
}

// FixedTicketKeys makes what encrypts tickets with the first of these keys, and decrypts them with any.
func FixedTicketKeys(keys [][32]byte) *tls.Config {
	c := &tls.Config{}
	c.SetSessionTicketKeys(keys)
	return c
}

// NewSessions makes sessions that live for timeout, of a server that is known by what identifies it and its policy. keys come from
// NewTicketKeys or FixedTicketKeys; cache, if it is not nil, takes their place.
func NewSessions(identity []byte, timeout time.Duration, keys *tls.Config, cache *SessionCache) *Sessions {
	return &Sessions{sha256.Sum256(identity), timeout, keys, cache, time.Now}
}

// Use has a configuration resume sessions this way.
func (s *Sessions) Use(c *tls.Config) {
	c.WrapSession, c.UnwrapSession = s.wrap, s.unwrap
}

// mark is what stands in the extra field of our sessions: whose it is, and since when.
func (s *Sessions) mark() []byte {
	b := append(make([]byte, 0, len(s.server)+8), s.server[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(s.now().Unix()))
}

func (s *Sessions) wrap(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
	session.Extra = append(session.Extra, s.mark())
	if s.cache == nil {
		return s.keys.EncryptTicket(state, session)
	}
	b, err := session.Bytes()
	if err != nil {
		return nil, err
	}
	return s.cache.put(b), nil
}

// unwrap returns nil for what is not to be resumed: the handshake is a full one then.
func (s *Sessions) unwrap(identity []byte, state tls.ConnectionState) (*tls.SessionState, error) {
	session, err := s.open(identity, state)
	if err != nil || session == nil {
		return nil, nil
	}
	for _, e := range session.Extra {
		if len(e) != len(s.server)+8 || string(e[:len(s.server)]) != string(s.server[:]) {
			continue
		}
		since := time.Unix(int64(binary.BigEndian.Uint64(e[len(s.server):])), 0)
		if age := s.now().Sub(since); age >= 0 && age <= s.timeout {
			return session, nil
		}
	}
	return nil, nil
}

func (s *Sessions) open(identity []byte, state tls.ConnectionState) (*tls.SessionState, error) {
	if s.cache == nil {
		return s.keys.DecryptTicket(identity, state)
	}
	b := s.cache.get(identity)
	if b == nil {
		return nil, nil
	}
	return tls.ParseSessionState(b)
}

// A SessionCache keeps sessions, those that were used last, up to a number of bytes. Any goroutine.
type SessionCache struct {
	mu   sync.Mutex
	room int64
	byID map[string]*list.Element
	used *list.List // of *kept, what was used last in front
}

type kept struct {
	id   string
	data []byte
}

// NewSessionCache makes a cache of a size in bytes.
func NewSessionCache(size int64) *SessionCache {
	return &SessionCache{room: size, byID: map[string]*list.Element{}, used: list.New()}
}

// keptCost is what a session takes up beside its data.
const keptCost = 200

func (c *SessionCache) put(data []byte) (id []byte) {
	id = make([]byte, 32)
	_, _ = rand.Read(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[string(id)] = c.used.PushFront(&kept{string(id), data})
	c.room -= int64(len(data)) + keptCost
	for c.room < 0 {
		last := c.used.Back()
		k := c.used.Remove(last).(*kept)
		delete(c.byID, k.id)
		c.room += int64(len(k.data)) + keptCost
	}
	return id
}

func (c *SessionCache) get(id []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byID[string(id)]
	if e == nil {
		return nil
	}
	c.used.MoveToFront(e)
	return e.Value.(*kept).data
}
