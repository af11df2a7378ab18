package log_test

import (
	"testing"

	"weir/http"
	"weir/http/log"
	"weir/weirtest"
	"weir/weirtest/inside"
)

// measure has f run in the middle of a request of a server whose lines go nowhere.
func measure(t testing.TB, f func(r *http.Request, write func(*http.Request))) {
	t.Helper()
	s := inside.New(t, `log_format line '$host $remote_user [$time_local] "$request" $status $uri?$args "$http_referer" "$http_user_agent"';
		access_log /dev/null line; server { location / {} }`, log.Module)
	s.Do(inside.Ask{Target: "/index.html?a=b", Answer: func(r *http.Request) http.Verdict {
		r.Out.Status = http.StatusNotFound
		f(r, r.Loc.Logs[0])
		return http.StatusNotFound
	}})
}

// TestAccessLogAllocatesNothing sees that a line costs no more memory than the request has.
func TestAccessLogAllocatesNothing(t *testing.T) {
	if weirtest.Race || weirtest.Invariants {
		t.Skip("the race detector allocates, and so do buffers that are checked")
	}
	measure(t, func(r *http.Request, write func(*http.Request)) {
		if n := testing.AllocsPerRun(100, func() { write(r) }); n > 0 {
			t.Errorf("%v allocations for a line", n)
		}
	})
}

func BenchmarkAccessLog(b *testing.B) {
	measure(b, func(r *http.Request, write func(*http.Request)) {
		b.ReportAllocs()
		for b.Loop() {
			write(r)
		}
	})
}
