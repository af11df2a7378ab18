package resolver

import (
	"encoding/binary"
	"io"
	"syscall"

	"weir/logs"
	"weir/loop"
)

// mostMessages is how many messages are read of one connection until the answer must have come.
const mostMessages = 16

// overTCP asks a server for one part on a connection of its own. When nothing comes of it, the question's next round asks another server.
func (q *question) overTCP(t *loop.Task, p *part, server int) {
	r := q.r
	c, err := t.Loop().Dial(t, loop.Addr{Net: r.options.Servers[server]}, loop.DialOptions{}, t.After(tcpTimeout))
	if err != nil {
		if e, ok := err.(syscall.Errno); ok {
			level := logs.Crit
			if e == syscall.ECONNREFUSED || e == syscall.ENETUNREACH || e == syscall.EHOSTUNREACH {
				level = logs.Error
			}
			r.callFailed(level, "connect() to "+r.options.Servers[server].String(), e, server)
			q.unreachable()
		}
		return
	}
	defer c.Close()
	id := randomID()
	var room [2 + largestQuestion]byte
	b := appendQuestion(room[:2], id, q.entry.name, p.kind)
	binary.BigEndian.PutUint16(b, uint16(len(b)-2))
	if _, err := c.Write(t, b, tcpTimeout); err != nil {
		q.unreachable()
		return
	}
	all := []asked{{q, p, id}}
	for range mostMessages {
		if p.done || q.done {
			return
		}
		b, err := readMessage(t, c)
		if err != nil {
			q.unreachable()
			return
		}
		m, err := parseMessage(b, true)
		if err != nil {
			r.unread(err, all)
			continue
		}
		switch a, same := match(all, &m); {
		case same == nil:
			r.logf("unexpected DNS response for %s", m.name)
		case a == nil:
			r.logf("wrong ident %d in DNS response for %s, expect %d", m.id, m.name, id)
		default:
			q.answer(p, &m)
		}
	}
}

// unreachable has the next server asked at once, if there is one.
func (q *question) unreachable() {
	q.refused = true
	q.wake.Fire()
}

// readMessage reads one message and its length before it.
func readMessage(t *loop.Task, c *loop.Conn) ([]byte, error) {
	var size [2]byte
	if err := readFull(t, c, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	return b, readFull(t, c, b)
}

func readFull(t *loop.Task, c *loop.Conn, b []byte) error {
	for len(b) > 0 {
		n, err := c.Read(t, b, t.After(tcpTimeout))
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		b = b[n:]
	}
	return nil
}
