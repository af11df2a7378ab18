package filter

import (
	"time"

	"weir/http"
)

// turnTime is how long a body is worked on before others on the loop have their turn. A client that takes all at once never makes its
// request wait, and files come out of memory.
const turnTime = time.Millisecond

// A turn is a time in which a request works on a body.
type turn struct{ began time.Time }

// rest lets others have their turn if this one has lasted long enough. For the task of the request.
func (t *turn) rest(r *http.Request) {
	switch now := time.Now(); {
	case t.began.IsZero():
		t.began = now
	case now.Sub(t.began) > turnTime:
		r.Task.Yield()
		t.began = time.Now()
	}
}
