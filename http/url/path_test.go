package url

import (
	"bytes"
	"strings"
	"testing"
)

// uriTests are also the seeds of FuzzSplit. An empty uri means a fault.
var uriTests = []struct {
	name, in       string
	uri, args, ext string
	unmerged       string // uri with merge_slashes off, "" for the same
	copied         bool
}{
	{"root", "/", "/", "", "", "", false},
	{"path", "/a/b/c", "/a/b/c", "", "", "", false},
	{"arguments", "/a?b=c&d", "/a", "b=c&d", "", "", false},
	{"extension", "/a.b.c", "/a.b.c", "", "c", "", false},
	{"empty extension", "/a.", "/a.", "", "", "", false},
	{"extension before arguments", "/a.php?b.c", "/a.php", "b.c", "php", "", false},
	{"dot in an upper folder", "/a.b/c", "/a.b/c", "", "", "", false},
	{"plus", "/a+b%2Bc", "/a+b+c", "", "", "", true},
	{"no path", "?a", "/", "a", "", "", true},
	{"decoded", "/%41%7a%c3%A4", "/Azä", "", "", "", true},
	{"decoded once", "/%2541", "/%41", "", "", "", true},
	{"decoded question mark and hash", "/a%3Fb%23c", "/a?b#c", "", "", "", true},
	{"decoded dot makes an extension", "/a%2Eb", "/a.b", "", "b", "", true},
	{"arguments are not decoded", "/%61?%61//..", "/a", "%61//..", "", "", true},
	{"fragment", "/a#b", "/a", "", "", "", true},
	{"fragment with question mark", "/a#b?c", "/a", "", "", "", true},
	{"fragment after arguments", "/a?b#c?d", "/a", "b", "", "", true},
	{"fragment after dots", "/a/..#b", "/", "", "", "", true},
	{"slashes", "//a///b//", "/a/b/", "", "", "//a///b//", true},
	{"decoded slash", "/a%2f/b", "/a/b", "", "", "/a//b", true},
	{"dot", "/a/./b/.", "/a/b/", "", "", "", true},
	{"dot before arguments", "/a/.?b", "/a/", "b", "", "", true},
	{"dots", "/a/b/../c", "/a/c", "", "", "", true},
	{"dots at the end", "/a/b/..", "/a/", "", "", "", true},
	{"dots before arguments", "/a/b/..?c", "/a/", "c", "", "", true},
	{"decoded dots", "/a/%2e%2E/b", "/b", "", "", "", true},
	{"decoded dots and slash", "/a%2f%2e%2e%2fb", "/b", "", "", "", true},
	{"dots over an empty segment", "/a//../b", "/b", "", "", "/a/b", true},
	{"three dots", "/a/.../b", "/a/.../b", "", "", "", true},
	{"three dots and an extension", "/...a.b", "/...a.b", "", "b", "", true},
	{"hidden file", "/a/.b", "/a/.b", "", "", "", true},
	{"hidden file with extension", "/.b.c", "/.b.c", "", "c", "", true},
	{"dots and more", "/..a/..b.", "/..a/..b.", "", "", "", true},
	{"back to the root", "/a/..", "/", "", "", "", true},
	{"extension does not outlive dots", "/a.b/..", "/", "", "", "", true},
	{"dot segments with decoded percent", "/.%25", "/.%", "", "", "", true},
	{"leaves the root", "/..", "", "", "", "", true},
	{"leaves the root later", "/a/../../b", "", "", "", "", true},
	{"leaves the root decoded", "/%2e%2e/", "", "", "", "", true},
	{"leaves the root after slashes", "//../..", "", "", "", "", true},
	{"NUL", "/%00", "", "", "", "", true},
	{"one digit", "/%4", "", "", "", "", true},
	{"no digit", "/a%", "", "", "", "", true},
	{"bad digit", "/%4g", "", "", "", "", true},
	{"space", "/a b", "", "", "", "", false},
	{"control byte in arguments", "/a?\n", "", "", "", "", false},
	{"DEL", "/\x7f", "", "", "", "", false},
	{"empty", "", "", "", "", "", false},
	{"relative", "a", "", "", "", "", false},
}

func split(dst, target []byte, mergeSlashes bool) (path, args, ext []byte, ok bool) {
	s, ok := Scan(target)
	if !ok {
		return nil, nil, nil, false
	}
	return s.Split(dst, target, mergeSlashes)
}

func TestSplit(t *testing.T) {
	for _, tt := range uriTests {
		t.Run(tt.name, func(t *testing.T) {
			raw := []byte(tt.in)
			uri, args, ext, ok := split(make([]byte, 0, len(raw)+1), raw, true)
			if !ok {
				if tt.uri != "" {
					t.Fatal("refused")
				}
				return
			}
			if string(uri) != tt.uri || string(args) != tt.args || string(ext) != tt.ext {
				t.Errorf("got %q %q %q, want %q %q %q", uri, args, ext, tt.uri, tt.args, tt.ext)
			}
			if copied := &uri[0] != &raw[0]; copied != tt.copied {
				t.Errorf("copied: %v", copied)
			}
			want := tt.unmerged
			if want == "" {
				want = tt.uri
			}
			if uri, _, _, _ = split(nil, raw, false); string(uri) != want {
				t.Errorf("slashes not merged: got %q, want %q", uri, want)
			}
		})
	}
}

// TestSplitAppends sees that what dst already holds is left alone.
func TestSplitAppends(t *testing.T) {
	dst := append(make([]byte, 0, 64), "/kept"...)
	if _, _, _, ok := split(dst, []byte("/../a"), true); ok {
		t.Error("left the root into what dst held")
	}
	uri, _, ext, _ := split(dst, []byte("/a/../b.%63"), true)
	if string(dst) != "/kept" || string(uri) != "/b.c" || string(ext) != "c" {
		t.Errorf("%q %q %q", dst, uri, ext)
	}
}

func TestSplitAllocs(t *testing.T) {
	buf := make([]byte, 0, 128)
	for _, tt := range uriTests {
		raw := []byte(tt.in)
		if n := testing.AllocsPerRun(10, func() { _, _, _, _ = split(buf, raw, true) }); n != 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	for _, in := range []string{"/static/app.js?v=1", "/a/../b%20c//d/./e.html?f"} {
		b.Run(in, func(b *testing.B) {
			raw, buf := []byte(in), make([]byte, 0, 128)
			for b.Loop() {
				_, _, _, _ = split(buf, raw, true)
			}
		})
	}
}

// FuzzSplit sees that a normalised path has nothing left to be resolved.
func FuzzSplit(f *testing.F) {
	for _, tt := range uriTests {
		f.Add(tt.in, true)
	}
	f.Fuzz(func(t *testing.T, in string, merge bool) {
		raw := []byte(in)
		buf := make([]byte, 0, len(raw)+1)
		uri, _, ext, ok := split(buf, raw, merge)
		if string(raw) != in {
			t.Fatal("the target was changed")
		}
		if !ok {
			return
		}
		path := string(uri) + "/"
		if path[0] != '/' || strings.Contains(path, "/../") || strings.Contains(path, "/./") ||
			strings.IndexByte(path, 0) >= 0 || merge && strings.Contains(string(uri), "//") {
			t.Errorf("%q became %q", in, uri)
		}
		if len(uri) > len(raw)+1 || !bytes.HasSuffix(uri, ext) {
			t.Errorf("uri %q, extension %q", uri, ext)
		}
	})
}
