package h2

import (
	"fmt"

	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"

	"weir/http"
	"weir/logs"
	"weir/loop"
)

// A conn is a client's connection. Without work it is all that it costs, besides its loop.Conn and its decoder.
type conn struct {
	shared  *Shared
	client  http.Client
	work    *work          // nil: parked
	decoder *hpack.Decoder // nil: folded, or not greeted yet
	folded  []byte         // the client's table, see fold
	tree    *tree          // dependencies of streams; nil: none was told of
	updates []update       // PRIORITY_UPDATE for streams that have not begun
	refused [8]uint32      // streams that were reset a short while ago
	in      input
	until   loop.Time // without streams: when the wait for the next one ends
	leaving loop.Time // when the client is told at the latest which stream was the last; 0: nothing of it, or it was told

	lastID     uint32 // of the streams that were taken
	lateID     uint32 // of those that came after the last one
	refusals   int32  // streams refused
	budget     int32  // see spend
	budgetAt   loop.Time
	prioLimit  int32 // PRIORITY frames that are still allowed
	newStreams int32 // since the socket was looked at
	streams    int32 // http2_max_concurrent_streams, as announced
	preread    int64 // http2_body_preread_size, as announced
	largest    int   // frame that the client may send, as announced
	frameSize  int   // of the client's settings
	initWindow int64 // likewise: the window of a new stream
	window     int64 // what may be sent on all streams together
	recvWindow int64 // what the client may send
	total      int64 // bytes both ways
	payload    int64 // those of use

	first       bool // no stream has been opened yet
	greeted     bool // our settings were sent
	resized     bool // the client has changed the size of its table
	acked       bool // our settings were acknowledged
	tableUpdate bool // the client has changed its table: it must be told that ours is empty
	goaway      bool // no more streams are taken
	dead        bool // nothing is read or written any more
	debug       bool
	nodelay     bool
}

// Open takes over a connection (http.Opener). It is greeted at once, which needs a task: without one it is parked, and greeted with
// its first byte.
func (s *Shared) Open(t *loop.Task, client http.Client, first []byte) {
	lc := client.Conn
	server := client.Server()
	conf := confOf(server.Root)
	c := &conn{
		shared: s, client: client, first: true, budget: budgetMost, budgetAt: lc.Loop().Now(),
		streams: int32(conf.streams), preread: conf.preread, prioLimit: int32(max(conf.streams, 100)),
		largest: largestFrame(server, conf), frameSize: defaultFrame, initWindow: defaultWindow, window: defaultWindow, recvWindow: maxWindow,
	}
	c.debug = client.Debug || server.Root.Debugs()
	c.until = lc.Loop().Now().Add(server.Core.HeaderTimeout)
	lc.Handler = c
	if t == nil {
		lc.Park(c.until, true)
		return
	}
	c.run(t, first)
}

// Wake serves the connection when bytes arrive, and ends it when its time is over (loop.Handler).
func (c *conn) Wake(t *loop.Task, lc *loop.Conn, why loop.Woke) {
	switch {
	case why == loop.WokeReady, why == loop.WokeShutdown && c.greeted && !c.goaway:
		c.run(t, nil)
	case why == loop.WokeTimeout && c.until > lc.Loop().Now():
		c.fold()
		lc.Park(c.until, true)
	default:
		c.closeIdle(t, why)
	}
}

// run serves the connection until it is idle or ends. first is what was read of it by others.
func (c *conn) run(t *loop.Task, first []byte) {
	id := c.client.Conn.Loop().ID()
	c.shared.Pending(id, 1)
	c.takeWork(t)
	whole := false
	defer func() { // also after a panic
		if !whole {
			c.end(errGone)
		}
		c.shared.Pending(id, -1)
	}()
	c.serve(first)
	whole = true
}

// serve reads and writes until there is nothing more to do.
func (c *conn) serve(first []byte) {
	w := c.work
	w.running = true
	if !c.greeted {
		c.greet()
	} else if c.decoder == nil {
		c.unfold()
	}
	err := c.received(first)
	for {
		if c.shared.Quit() {
			c.leave()
		}
		if err == nil {
			err = c.read()
		}
		if err == nil {
			err = c.write()
		}
		if err != nil {
			c.stop(err)
			return
		}
		if w.idle() {
			if c.goaway {
				c.stop(nil)
				return
			}
			if c.leaving == 0 && !c.client.Conn.Readable() {
				c.park()
				return
			}
		}
		w.running = false
		err = c.wait()
		w.running = true
	}
}

// greet sends the settings, and opens the window of the connection: what is taken of bodies is bounded by streams.
func (c *conn) greet() {
	w := c.work
	if c.core().TCPNoDelay {
		c.setNoDelay()
	}
	c.greeted = true
	c.decoder = c.takeDecoder()
	b := appendFrameHead(w.reserve(frameHead+4*6), 4*6, kindSettings, 0, 0)
	b = appendSetting(b, settingStreams, uint32(c.streams))
	b = appendSetting(b, settingWindow, uint32(c.preread))
	b = appendSetting(b, settingFrame, uint32(c.largest))
	w.out = appendSetting(b, settingExtendedConnect, 1)
	w.out = appendWindow(w.reserve(frameHead+4), 0, maxWindow-defaultWindow)
}

// received works on bytes of the client.
func (c *conn) received(p []byte) error {
	c.newStreams = 0
	c.total += int64(len(p))
	if err := c.feed(p); err != nil {
		return err
	}
	if c.flooded() {
		return c.fault(codeNone, "http2 flood detected")
	}
	return nil
}

// readsAtOnce is how often the socket is read before what has come of it is written.
const readsAtOnce = 4

// read takes what the client has sent. A client that does not read what it is answered is not read from.
func (c *conn) read() error {
	lc := c.client.Conn
	for range readsAtOnce {
		if !lc.Readable() || c.work.clogged() {
			return nil
		}
		buf := lc.Loop().Take(int(min(confOf(c.client.Server().Root).recvBuffer, 64<<10)))
		n, err := c.tryRead(buf)
		if err == nil {
			err = c.received(buf[:n])
		}
		lc.Loop().Give(buf)
		if err == loop.ErrAgain {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wait waits for the client, or for a stream that has something to send.
func (c *conn) wait() error {
	w, lc := c.work, c.client.Conn
	p := loop.Wait{A: &lc.Source, B: &w.kick, BWant: loop.In}
	if !w.clogged() {
		p.AWant = loop.In
	}
	if len(w.out) > w.sent {
		p.AWant |= loop.Out
		p.Deadline = w.stuck.Add(c.core().SendTimeout)
	}
	limit := loop.Time(0)
	switch {
	case c.in.block.open && c.in.block.stream != nil:
		limit = c.in.block.until
	case len(w.streams) == 0:
		limit = c.until
	}
	for _, limit := range [...]loop.Time{limit, c.leaving} {
		if limit != 0 && (p.Deadline == 0 || limit < p.Deadline) {
			p.Deadline = limit
		}
	}
	err := w.task.Poll(&p)
	w.kick.Clear(loop.In)
	if err == loop.ErrTimeout {
		return c.late()
	}
	return err
}

// late says what a deadline means that has passed.
func (c *conn) late() error {
	w, now := c.work, c.work.task.Now()
	if len(w.out) > w.sent && w.stuck.Add(c.core().SendTimeout) <= now {
		return unix.ETIMEDOUT
	}
	if c.leaving != 0 && c.leaving <= now {
		c.goAway(codeNone)
	}
	if b := &c.in.block; b.open && b.stream != nil {
		if b.until <= now {
			b.late()
		}
		return nil
	}
	if len(w.streams) == 0 && c.until <= now {
		return c.fault(codeProtocol, "client timed out (110: Connection timed out)")
	}
	return nil
}

// core has the settings that hold for the connection as a whole.
func (c *conn) core() *http.CoreConf { return c.client.Server().Root.Core }

// park leaves the connection to its loop. When it has been idle for a while its table is folded.
func (c *conn) park() {
	c.giveWork()
	until := c.until
	if c.foldable() {
		until = min(until, c.client.Conn.Loop().Now().Add(foldAfter))
	}
	c.client.Conn.Park(until, true)
}

// tryRead and tryWrite are all that the connection does with its socket.
func (c *conn) tryRead(p []byte) (int, error) { return c.client.Conn.TryRead(p) }

func (c *conn) tryWrite(p []byte) (int, error) { return c.client.Conn.TryWrite(p) }

// doing is what log lines say of a connection that is not about one of its requests.
const doing = "processing HTTP/2 connection"

// logf logs, at level info, what a client has done.
func (c *conn) logf(format string, a ...any) {
	if l := c.client.Logger(); l != nil && l.Enabled(logs.Info) {
		c.client.Log(logs.Info, fmt.Sprintf(format, a...), doing)
	}
}

// fault logs what is wrong and ends the connection.
func (c *conn) fault(why code, format string, a ...any) error {
	c.logf(format, a...)
	return fault(why)
}

// debugf writes a line of level debug about the connection. Callers ask c.debug first.
func (c *conn) debugf(format string, a ...any) {
	c.client.Logger().Logf(logs.Debug, c.client.Serial, format, a...)
}

// setNoDelay has small writes sent at once; a unix socket does not know of it.
func (c *conn) setNoDelay() {
	if !c.nodelay && !c.client.Socket.Unix {
		c.nodelay = true
		_ = c.client.Conn.SetOption(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
}
