package loop

import (
	"testing"
)

func TestBuffers(t *testing.T) {
	e := start(t, Options{})
	on(e.Loops[0], func() {
		l := e.Loops[0]
		for _, n := range []int{0, 1, 511, 512, 513, 1024, 4097, 65535, 65536, 65537} {
			b := l.Take(n)
			want := max(512, n)
			if len(b) != n || cap(b) < want || n <= 65536 && cap(b)&(cap(b)-1) != 0 {
				t.Errorf("Take(%d): len %d, cap %d", n, len(b), cap(b))
			}
			l.Give(b)
			again := l.Take(n)
			if n <= 65536 && &again[:1][0] != &b[:1][0] {
				t.Errorf("Take(%d) did not give the same again", n)
			}
			l.Give(again)
		}
		l.Give(nil)
		var many [][]byte
		for range 100 {
			many = append(many, l.Take(1<<16))
		}
		for _, b := range many {
			l.Give(b)
		}
		if n := l.buffers.free[largest-smallest].Len(); n != keepBytes>>largest {
			t.Errorf("%d largest buffers kept", n)
		}
	})
}
