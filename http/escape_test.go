package http

import (
	"bytes"
	"net"
	"testing"

	"weir/loop"
)

func TestUnescapeRedirect(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		"/plain":             "/plain",
		"/a%41b":             "/aAb",
		"/a%2fb%7E":          "/a/b~",
		"/a%20b%0d%0a%00%7f": "/a%20b%0d%0a%00%7f", // never raw spaces or controls
		"/a%25b":             "/a%25b",
		"/a%3fb%41":          "/a?b%41", // a decoded "?" ends the path as well
		"/a?b%41":            "/a?b%41",
		"/%":                 "/", // what is no escape loses its "%", as in nginx
		"/%4":                "/",
		"/%zz%4g%41":         "/zzA",
		"%%41":               "%41",
	} {
		if got := UnescapeRedirect([]byte(in)); string(got) != want {
			t.Errorf("%q: %q; want %q", in, got, want)
		}
	}
}

func TestAppendEscaped(t *testing.T) {
	const all = "az09-._~/ #%?&+\"<>\\^`{|}\x00\r\n\x7f\xff"
	for _, tt := range []struct {
		name string
		set  EscapeSet
		want string
	}{
		{"URI", EscapeURI, "az09-._~/%20%23%25%3F&+%22%3C%3E%5C%5E%60%7B%7C%7D%00%0D%0A%7F%FF"},
		{"args", EscapeArgs, "az09-._~/%20%23%25%3F%26%2B%22%3C%3E%5C%5E%60%7B%7C%7D%00%0D%0A%7F%FF"},
		{"redirect", EscapeRedirect, "az09-._~/%20#%25?&+%22%3C%3E%5C%5E%60%7B%7C%7D%00%0D%0A%7F%FF"},
		{"component", EscapeComponent, "az09-._~%2F%20%23%25%3F%26%2B%22%3C%3E%5C%5E%60%7B%7C%7D%00%0D%0A%7F%FF"},
	} {
		got := AppendEscaped([]byte("x"), []byte(all), tt.set)
		if string(got) != "x"+tt.want {
			t.Errorf("%s:\n%q; want\n%q", tt.name, got[1:], tt.want)
		}
		for i := range len(all) {
			one := []byte(all[i : i+1])
			if changed := !bytes.Equal(AppendEscaped(nil, one, tt.set), one); changed != tt.set.Escapes(one) {
				t.Errorf("%s: Escapes(%q) is %v", tt.name, one, !changed)
			}
		}
	}
}

func TestSafeURI(t *testing.T) {
	onLoopRequest(t, func(r *Request) {
		for in, want := range map[string]string{
			"/a":              "/a",
			"/a/b%20c?d%20":   "/a/b c?d%20",
			"/a..b/..c/d..":   "/a..b/..c/d..",
			"/a%":             "/a%",
			"":                "unsafe",
			"?x":              "unsafe",
			"/../etc/passwd":  "unsafe",
			"/a/..":           "unsafe",
			"/a/%2e%2e/b":     "unsafe",
			"/a/.%2E/b":       "unsafe",
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

func TestStatuses(t *testing.T) {
	for status := range 1000 {
		title, shown := pageTitle(status), shownStatus(status)
		switch {
		case status < 300 && title != "":
			t.Errorf("%d has a page", status)
		case title != "" && Reason(shown) == "" && status != 498: // has a page, as nginx's, and no words
			t.Errorf("%d is shown as %d, for which there are no words", status, shown)
		case pageDetail(status) != "" && shown != 400:
			t.Errorf("%d has a detail and is shown as %d", status, shown)
		}
	}
}

// onLoopRequest gives f a request that can take memory.
func onLoopRequest(t *testing.T, f func(r *Request)) {
	t.Helper()
	onLoop(t, func(k *loop.Task, _ *loop.Conn, _ net.Conn) {
		r := &Request{Task: k}
		defer r.arena.release(k.Loop())
		f(r)
	})
}
