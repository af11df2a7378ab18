package cycle

import (
	"sync/atomic"
	"time"

	"weir/http"
	"weir/loop"
)

// Quit ends the server gracefully: requests are finished, idle connections closed. worker_shutdown_timeout
// bounds it. It returns at once; see Done. Any goroutine.
func (rt *Runtime) Quit() {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.quit.Load() {
		return
	}
	// Until each loop has seen to its idle connections, some of which may stay. It comes before the word is out: a request that
	// ends in between would take itself for the last.
	rt.count(-1, len(rt.engine.Loops))
	rt.quit.Store(true)
	for text, s := range rt.sockets {
		rt.closeSocket(s)
		delete(rt.sockets, text)
	}
	if d := rt.current.Load().Main.ShutdownTimeout; d > 0 {
		time.AfterFunc(d, rt.Stop)
	}
	// A loop that has taken a connection for another one has handed it over when it comes to this; none is overlooked then.
	var turning atomic.Int32
	turning.Store(int32(len(rt.engine.Loops)))
	for _, l := range rt.engine.Loops {
		l.Post(func() {
			if turning.Add(-1) == 0 {
				rt.closeIdle()
			}
		})
	}
}

// closeIdle has each loop tell those that can be told, and see to its idle connections.
func (rt *Runtime) closeIdle() {
	rt.engine.Each(func(c *loop.Conn) {
		if s, ok := c.Handler.(http.Session); ok {
			s.Drain()
		}
	})
	rt.engine.CloseIdle()
	for _, l := range rt.engine.Loops {
		l.Post(func() { rt.count(-1, -1) })
	}
}

// pending is the number of connections that one loop serves. Loops count apart: a counter that all of them wrote would go
// from processor to processor twice a request.
type pending struct {
	atomic.Int64
	_ [56]byte
}

// count follows the number of connections being served, and ends a graceful shutdown with the last. Loop -1 is who shuts
// down.
func (rt *Runtime) count(loop, delta int) {
	if rt.pending[1+loop].Add(int64(delta)) == 0 && rt.quit.Load() && rt.idle() {
		go rt.Stop()
	}
}

// idle says that no connection is being served. It asks about who shuts down first: when all loops have answered it, only
// connections that they counted before are left.
func (rt *Runtime) idle() bool {
	for i := range rt.pending {
		if rt.pending[i].Load() != 0 {
			return false
		}
	}
	return true
}

// Stop ends the server at once. Any goroutine but a loop's.
func (rt *Runtime) Stop() {
	rt.ended.Do(func() {
		rt.mu.Lock()
		defer rt.mu.Unlock()
		rt.quit.Store(true)
		for text, s := range rt.sockets {
			rt.closeSocket(s)
			delete(rt.sockets, text)
		}
		for _, j := range rt.current.Load().env.Jobs() {
			j.Stop()
		}
		rt.unwatch()
		rt.unwatch = func() {}
		rt.Files.SendOn(nil)
		rt.engine.Stop()
		rt.Files.WriteBehind(false)
		close(rt.done)
	})
}
