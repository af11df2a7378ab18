package proxy

import (
	"runtime/debug"
	"syscall"
	"testing"

	"weir/http"
	"weir/http/field"
	"weir/loop"
	"weir/vars"
)

// onTask runs f in a task of a real loop, with a request that has memory and nothing else. f must not
// end its goroutine: Errorf, not Fatalf.
func onTask(t *testing.T, f func(r *http.Request)) {
	t.Helper()
	e, err := loop.New(loop.Options{Loops: 1, MaxConns: 16})
	if err != nil {
		t.Fatal(err)
	}
	e.Run()
	defer e.Stop()
	done := make(chan struct{})
	l := e.Loops[0]
	l.Post(func() {
		l.Go(func(task *loop.Task) {
			defer func() {
				if v := recover(); v != nil {
					t.Errorf("panic: %v\n%s", v, debug.Stack())
				}
				close(done)
			}()
			f(&http.Request{
				Task: task, Head: &http.Head{}, Client: &http.Client{},
				Place: http.Place{Loc: &http.Location{Core: &http.CoreConf{AbsoluteRedirect: true}}},
			})
		})
	})
	<-done
}

// text compiles text in which $v is "value", $empty is empty and $uri is the request's URI.
func text(t *testing.T, s string) *http.Text {
	t.Helper()
	table := vars.NewTable(vars.Hooks[*http.Request]{
		Slots:   func(*http.Request) []vars.Value { return nil },
		Capture: (*http.Request).Capture,
	})
	for name, get := range map[string]func(*http.Request) []byte{
		"v":     func(*http.Request) []byte { return []byte("value") },
		"empty": func(*http.Request) []byte { return nil },
		"uri":   func(r *http.Request) []byte { return r.URI },
	} {
		err := table.Add(http.Var{Name: name, Get: func(r *http.Request, _ string) http.Value { return http.Value{B: get(r)} }})
		if err != nil {
			t.Fatal(err)
		}
	}
	x, err := table.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// pattern compiles a regular expression without named groups.
func pattern(t *testing.T, src string, fold bool) rewrite {
	t.Helper()
	p, err := vars.CompilePattern(src, fold)
	if err != nil {
		t.Fatal(err)
	}
	return rewrite{regex: p}
}

// field makes a field as a parser would.
func newField(name, value string) http.Field {
	return http.Field{ID: field.Lookup([]byte(name)), Name: []byte(name), Value: []byte(value)}
}

// socketPair makes two connected sockets.
func socketPair(t *testing.T) (int, int) {
	t.Helper()
	p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0) // Register makes them what they must be
	if err != nil {
		t.Error(err)
	}
	return p[0], p[1]
}

func closeSocket(fd int) { _ = syscall.Close(fd) }
