package http

import (
	"net"
	"testing"

	"weir/loop"
	"weir/loop/looptest"
)

func TestSafeURI(t *testing.T) {
	onLoopRequest(t, func(r *Request) {
		for in, want := range map[string]string{
			"/a":              "/a",
			"/a/b%20c?d%20":   "/a/b c?d%20",
			"/a..b/..c/d..":   "/a..b/..c/d..",
			"":                "unsafe",
			"?x":              "unsafe",
			"/../etc/passwd":  "unsafe",
			"/a/..":           "unsafe",
			"/a/%2e%2e/b":     "unsafe",
			"/a/.%2E/b":       "unsafe",
			"/a%":             "/a", // what is no escape goes, as in nginx
			"/i/a%zz":         "/i/azz",
			"/a%00b":          "unsafe",
			"/a\x00b":         "unsafe",
			"../a":            "unsafe",
			"/a/%252e%252e/b": "/a/%2e%2e/b", // decoded once
		} {
			path, args, ok := SafeURI(r, []byte(in))
			got := string(path)
			if len(args) > 0 {
				got += "?" + string(args)
			}
			if !ok {
				got = "unsafe"
			}
			if got != want {
				t.Errorf("%q: %q; want %q", in, got, want)
			}
		}
	})
}

// onLoopRequest gives f a request that can take memory.
func onLoopRequest(t *testing.T, f func(r *Request)) {
	t.Helper()
	looptest.Run(t, func(k *loop.Task, _ *loop.Conn, _ net.Conn) {
		r := &Request{Task: k}
		defer r.arena.release(k.Loop())
		f(r)
	})
}
