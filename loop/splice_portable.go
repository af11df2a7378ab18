//go:build !linux || portable

package loop

import (
	"io"
	"time"
)

// Splice moves up to n bytes (n < 0: until EOF) from src to dst, through a buffer of the loop. It returns how many bytes dst
// took. A nil error with fewer than n is EOF of src. It waits at most timeout each time it must wait for either side;
// timeout <= 0 is no limit.
func Splice(t *Task, dst, src *Conn, n int64, timeout time.Duration) (int64, error) {
	room := t.loop.Take(64 << 10)
	defer t.loop.Give(room)
	var moved int64
	for n < 0 || moved < n {
		want := room
		if n >= 0 && n-moved < int64(len(room)) {
			want = room[:n-moved]
		}
		k, err := src.Read(t, want, t.within(timeout))
		if err == io.EOF {
			return moved, nil
		}
		if err != nil {
			return moved, err
		}
		k, err = dst.Write(t, want[:k], timeout)
		moved += int64(k)
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}
