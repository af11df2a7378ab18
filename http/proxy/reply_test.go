package proxy

import (
	"strings"
	"testing"

	"weir/http"
)

func TestCopyHead(t *testing.T) {
	head := []http.Field{
		newField("Server", "up"), newField("Date", "d"), newField("X-Pad", "x"), newField("X-Accel-Buffering", "no"), newField("Content-Length", "2"),
		newField("Connection", "close"), newField("Keep-Alive", "k"), newField("Transfer-Encoding", "t"), newField("ETag", `"e"`),
		newField("Last-Modified", "Mon, 28 Sep 1970 06:00:00 GMT"), newField("Upgrade", "u"), newField("Foo", "1"), newField("foo", "2"),
		newField("Accept-Ranges", "bytes"), newField("Location", "/x"),
	}
	tests := []struct {
		name       string
		hide, pass []string
		version    http.Version
		force      bool
		want       string
	}{
		{name: "usual", want: `ETag: "e"|Last-Modified: Mon, 28 Sep 1970 06:00:00 GMT|Upgrade: u|Foo: 1|foo: 2|Accept-Ranges: bytes|Location: /x`},
		{name: "hidden", hide: []string{"FOO", "etag", "location", "accept-ranges", "upgrade", "last-modified"}, want: ""},
		{name: "passed", hide: []string{"foo"}, pass: []string{"server", "Foo", "X-Pad", "x-accel-buffering"}, want: `Server: up|X-Pad: x|X-Accel-Buffering: no|ETag: "e"|Last-Modified: Mon, 28 Sep 1970 06:00:00 GMT|Upgrade: u|Foo: 1|foo: 2|Accept-Ranges: bytes|Location: /x`},
		{name: "HTTP/2 has no upgrades", version: http.HTTP20, hide: []string{"foo", "etag", "last-modified"}, want: `Accept-Ranges: bytes|Location: /x`},
		{name: "ranges of weir's own", force: true, hide: []string{"foo", "etag", "last-modified", "upgrade"}, want: `Location: /x`},
	}
	onTask(t, func(r *http.Request) {
		for _, tt := range tests {
			r.Out = http.Response{}
			r.Version = tt.version
			x := exchange{
				call:  call{r: r, fields: head, conf: &upstreamConf{ForceRanges: tt.force}},
				h:     &handler{hidden: hiddenNames(httpHidden(), tt.hide, tt.pass)},
				proto: &http1{loc: &http1Loc{proxyConf: &proxyConf{}}},
			}
			x.reply.reset()
			if !x.readFields() && tt.name != "" {
				// Content-Length together with Transfer-Encoding
				x.reply.chunked, x.fields = true, head
			}
			x.copyHead()
			var got []string
			for _, f := range r.Out.Fields {
				got = append(got, string(f.Name)+": "+string(f.Value))
			}
			if s := strings.Join(got, "|"); s != tt.want {
				t.Errorf("%s:\n got %s\nwant %s", tt.name, s, tt.want)
			}
			if omits := r.Out.Server != nil; omits != (tt.name == "passed") {
				t.Errorf("%s: Server %q", tt.name, r.Out.Server)
			}
		}
	})
}

func TestReadFields(t *testing.T) {
	tests := []struct {
		name   string
		fields []http.Field
		ignore ignored
		ok     bool
		want   reply
		buffer bool
	}{
		{name: "nothing", ok: true, want: reply{length: -1, modified: -1}, buffer: true},
		{name: "length", fields: []http.Field{newField("Content-Length", "12")}, ok: true, want: reply{length: 12, modified: -1}, buffer: true},
		{name: "bad length", fields: []http.Field{newField("Content-Length", "+1")}},
		{name: "no length", fields: []http.Field{newField("Content-Length", "")}},
		{name: "two lengths", fields: []http.Field{newField("Content-Length", "1"), newField("Content-Length", "1")}},
		{name: "chunked", fields: []http.Field{newField("Transfer-Encoding", "Chunked")}, ok: true, want: reply{length: -1, modified: -1, chunked: true}, buffer: true},
		{name: "another coding", fields: []http.Field{newField("Transfer-Encoding", "gzip")}},
		{name: "both", fields: []http.Field{newField("Transfer-Encoding", "chunked"), newField("Content-Length", "1")}},
		{name: "close", fields: []http.Field{newField("Connection", "a, CLOSE")}, ok: true, want: reply{length: -1, modified: -1, close: true}, buffer: true},
		{name: "date", fields: []http.Field{newField("Last-Modified", "Thu, 01 Jan 1970 00:00:09 GMT")}, ok: true, want: reply{length: -1, modified: 9}, buffer: true},
		{name: "redirect", fields: []http.Field{newField("X-Accel-Redirect", "/x")}, ok: true, want: reply{length: -1, modified: -1, redirect: []byte("/x")}, buffer: true},
		{name: "no redirect", fields: []http.Field{newField("X-Accel-Redirect", "/x")}, ignore: ignoreRedirect, ok: true, want: reply{length: -1, modified: -1}, buffer: true},
		{name: "buffering", fields: []http.Field{newField("X-Accel-Buffering", "NO")}, ok: true, want: reply{length: -1, modified: -1}},
		{name: "buffering ignored", fields: []http.Field{newField("X-Accel-Buffering", "no")}, ignore: ignoreBuffering, ok: true, want: reply{length: -1, modified: -1}, buffer: true},
	}
	onTask(t, func(r *http.Request) {
		for _, tt := range tests {
			x := exchange{call: call{r: r, fields: tt.fields, conf: &upstreamConf{Ignore: tt.ignore}}, buffering: true}
			x.reply.reset()
			if ok := x.readFields(); ok != tt.ok {
				t.Errorf("%s: ok = %v", tt.name, ok)
				continue
			}
			if !tt.ok {
				continue
			}
			y, w := x.reply, tt.want
			if y.length != w.length || y.modified != w.modified || y.chunked != w.chunked || y.close != w.close ||
				string(y.redirect) != string(w.redirect) || x.buffering != tt.buffer {
				t.Errorf("%s: %+v, buffering %v", tt.name, y, x.buffering)
			}
		}
	})
}

func TestCopyType(t *testing.T) {
	tests := []struct{ in, typ, charset string }{
		{"text/html", "text/html", ""},
		{"text/html; charset=utf-8", "text/html", "utf-8"},
		{"text/html; Charset=koi8-r", "text/html", "koi8-r"},
		{"text/html;charset=utf-8", "text/html", "utf-8"},
		{`text/html; charset="utf-8"`, "text/html", "utf-8"},
		{"multipart/mixed; boundary=x", "multipart/mixed; boundary=x", ""},
		{"text/plain; a=b; charset=x", "text/plain; a=b", "x"},
	}
	onTask(t, func(r *http.Request) {
		for _, tt := range tests {
			x := exchange{call: call{r: r}}
			x.copyType([]byte(tt.in))
			o := &r.Out
			if string(o.ContentType) != tt.typ || string(o.Charset) != tt.charset {
				t.Errorf("%q: %q and %q", tt.in, o.ContentType, o.Charset)
			}
			if got := string(o.AppendType(nil)); got != tt.in {
				t.Errorf("%q is passed on as %q", tt.in, got)
			}
			if o.Charset != nil {
				o.Charset = []byte("ascii")
				if got := string(o.AppendType(nil)); got != tt.typ+"; charset=ascii" {
					t.Errorf("%q in ascii is %q", tt.in, got)
				}
			}
		}
	})
}
