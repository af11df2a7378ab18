package url

import (
	"testing"
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
		{"refresh", EscapeRefresh, "az09-._%7E/%20#%?&+%22%3C%3E%5C%5E%60%7B%7C}%00%0D%0A%7F%FF"},
		{"component", EscapeComponent, "az09-._~%2F%20%23%25%3F%26%2B%22%3C%3E%5C%5E%60%7B%7C%7D%00%0D%0A%7F%FF"},
	} {
		got := AppendEscaped([]byte("x"), []byte(all), tt.set)
		if string(got) != "x"+tt.want {
			t.Errorf("%s:\n%q; want\n%q", tt.name, got[1:], tt.want)
		}
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		"/a": "/a", "/%61%2f": "/a/", "/a%": "/a", "/a%4": "/a", "/a%zz": "/azz", "/a%4zq": "/aq", "/%25%32%35": "/%25", "/+": "/+", "/a?%41": "/a?A",
	} {
		if got := string(Unescape([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
