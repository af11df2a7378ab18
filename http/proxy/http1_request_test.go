package proxy

import (
	"strings"
	"testing"

	"weir/http"
)

func TestCreateRequest(t *testing.T) {
	set := func(pairs ...string) (list []setHeader) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, setHeader{pairs[i], text(t, pairs[i+1])})
		}
		return list
	}
	tests := []struct {
		name    string
		c       proxyConf
		in      []http.Field
		body    http.Body
		stream  bool
		want    string
		version http.Version
	}{
		{
			name: "what holds by itself",
			in: []http.Field{
				newField("Host", "a"), newField("Connection", "close"), newField("X-A", "1"), newField("TE", "t"), newField("Keep-Alive", "k"),
				newField("Upgrade", "u"), newField("Expect", "e"), newField("Proxy-Connection", "p"), newField("Cookie", "c"),
			},
			want: "GET /x HTTP/1.1|Host: app|X-A: 1|Cookie: c||",
		},
		{
			name: "fields that are set come before the client's",
			c:    proxyConf{headers: set("X-A", "a$v", "X-B", "b", "X-C", "c", "X-D", "", "X-E", "$empty", "connection", "upgrade")},
			in:   []http.Field{newField("x-a", "1"), newField("X-Z", "2"), newField("X-d", "3"), newField("X-E", "4")},
			want: "GET /x HTTP/1.1|Host: app|X-A: avalue|X-B: b|X-C: c|connection: upgrade|X-Z: 2||",
		},
		{
			name: "Host is first wherever it is set",
			c:    proxyConf{headers: set("X-A", "a", "host", "$v:80")},
			want: "GET /x HTTP/1.1|Host: value:80|X-A: a||",
		},
		{
			name: "HTTP/1.1 always has a Host",
			c:    proxyConf{headers: set("Host", "")},
			want: "GET /x HTTP/1.1|Host: app||",
		},
		{
			name: "HTTP/1.0 may have none", version: http.HTTP10,
			c:    proxyConf{headers: set("Host", "")},
			want: "GET /x HTTP/1.0||",
		},
		{
			name: "a body's length",
			in:   []http.Field{newField("Content-Length", "3")}, body: http.Body{Length: 3},
			want: "GET /x HTTP/1.1|Host: app|Content-Length: 3||",
		},
		{
			name: "a length of nought",
			in:   []http.Field{newField("Content-Length", "0")},
			want: "GET /x HTTP/1.1|Host: app|Content-Length: 0||",
		},
		{
			name: "a chunked body that was read has a length",
			in:   []http.Field{newField("Transfer-Encoding", "chunked")}, body: http.Body{Length: -1, Chunked: true, Size: 7},
			want: "GET /x HTTP/1.1|Host: app|Content-Length: 7||",
		},
		{
			name: "one that is streamed stays chunked",
			in:   []http.Field{newField("Transfer-Encoding", "chunked")}, body: http.Body{Length: -1, Chunked: true}, stream: true,
			want: "GET /x HTTP/1.1|Host: app|Transfer-Encoding: chunked||",
		},
		{
			name: "a length that is set takes the place of the true one",
			c:    proxyConf{headers: set("Content-Length", "")},
			in:   []http.Field{newField("Content-Length", "3")}, body: http.Body{Length: 3},
			want: "GET /x HTTP/1.1|Host: app||",
		},
		{
			name: "method and body of the proxy's own",
			c:    proxyConf{method: text(t, "PUT"), setBody: text(t, "[$v]")},
			in:   []http.Field{newField("Content-Length", "3")}, body: http.Body{Length: 3},
			want: "PUT /x HTTP/1.1|Host: app|Content-Length: 7||[value]",
		},
	}
	onTask(t, func(r *http.Request) {
		for _, tt := range tests {
			c := tt.c
			c.PassHeaders, c.pass = true, &target{}
			if c.version = tt.version; c.version == 0 {
				c.version = http.HTTP11
			}
			r.Method, r.MethodName = http.GET, []byte("GET")
			r.In, r.Body, r.Target, r.Plain = tt.in, tt.body, []byte("/x"), true
			x := call{r: r, streaming: tt.stream, dest: destination{host: []byte("app")}}
			if v := newHTTP1Loc(&c).protocol(nil).createRequest(&x); v != http.Next {
				t.Errorf("%s: %d", tt.name, v)
			}
			if got := strings.ReplaceAll(string(x.head), "\r\n", "|"); got != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
			}
			if string(x.uri) != "/x" {
				t.Errorf("%s: uri %q", tt.name, x.uri)
			}
		}
	})
}

func TestAppendURI(t *testing.T) {
	tests := []struct {
		name     string
		pass     target
		uri      string // of the place
		location string
		r        http.Request
		want     string
	}{
		{name: "as it was sent", r: http.Request{Head: &http.Head{Target: []byte("/a%2fb?c")}, Place: http.Place{URI: []byte("/a/b"), Plain: true}}, want: "/a%2fb?c"},
		{name: "changed since", r: http.Request{Head: &http.Head{Target: []byte("/a%2fb?c"), Escaped: true}, Place: http.Place{URI: []byte("/a b"), Args: []byte("c")}}, want: "/a%20b?c"},
		{name: "changed, and never escaped", r: http.Request{Head: &http.Head{}, Place: http.Place{URI: []byte("/a\xffb")}}, want: "/a\xffb"},
		{name: "changed by a rewrite", r: http.Request{Head: &http.Head{}, Place: http.Place{URI: []byte("/a%b"), Internal: true}}, want: "/a%25b"},
		{name: "in place of the location", uri: "/two/", location: "/one/", r: http.Request{Head: &http.Head{}, Place: http.Place{URI: []byte("/one/x"), Plain: true}}, want: "/two/x"},
		{name: "the URI is decoded for that", uri: "/two/", location: "/one/", r: http.Request{Head: &http.Head{Escaped: true}, Place: http.Place{URI: []byte("/one/x y"), Args: []byte("z"), Plain: true}}, want: "/two/x%20y?z"},
		{name: "a location without its slash", uri: "/", location: "/one", r: http.Request{Head: &http.Head{}, Place: http.Place{URI: []byte("/one/x")}}, want: "//x"},
		{name: "a URI shorter than the location", uri: "/two/", location: "/one/", r: http.Request{Head: &http.Head{}, Place: http.Place{URI: []byte("/on")}}, want: "/two/"},
		{name: "moved by rewrite with break", uri: "/two/", location: "/one/", r: http.Request{Head: &http.Head{}, Place: http.Place{URI: []byte("/one/x"), Rewrite: http.Rewriting{Moved: true}}}, want: "/one/x"},
		{name: "with variables it is all", pass: target{text: text(t, "http://$v")}, uri: "/q?1", r: http.Request{Head: &http.Head{}, Place: http.Place{URI: []byte("/x"), Args: []byte("y"), Plain: true}}, want: "/q?1"},
		{name: "with variables and none", pass: target{text: text(t, "http://$v")}, r: http.Request{Head: &http.Head{Target: []byte("/x?y")}, Place: http.Place{URI: []byte("/x"), Plain: true}}, want: "/x?y"},
	}
	for _, tt := range tests {
		pass := tt.pass
		pass.location = tt.location
		l := http1Loc{proxyConf: &proxyConf{pass: &pass}}
		if got := l.appendURI(nil, &tt.r, &destination{uri: []byte(tt.uri)}); string(got) != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
