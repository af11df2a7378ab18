package http

import (
	"bytes"
	"net"
	"testing"

	"weir/loop"
	"weir/loop/looptest"
)

func TestArena(t *testing.T) {
	looptest.Run(t, func(k *loop.Task, _ *loop.Conn, _ net.Conn) {
		var a arena
		l := k.Loop()
		var parts [][]byte
		for i := range 300 {
			size := i * 7
			if i%50 == 49 {
				size = 100_000
			}
			b := a.alloc(l, size)
			if len(b) != size || cap(b) != size {
				t.Errorf("alloc(%d): length %d, capacity %d", size, len(b), cap(b))
			}
			for j := range b {
				b[j] = byte(i)
			}
			parts = append(parts, b)
		}
		for i, b := range parts {
			if n := bytes.Count(b, []byte{byte(i)}); n != len(b) {
				t.Errorf("part %d was overwritten: %d of %d bytes are left", i, n, len(b))
			}
		}
		a.release(l)
		a.release(l)
		if len(a.alloc(l, 10)) != 10 {
			t.Error("no memory after release")
		}
		a.release(l)
	})
}
