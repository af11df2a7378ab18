package http

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"weir/http/field"
	"weir/http/route"
	"weir/loop"
	"weir/loop/looptest"
)

// admitTests are heads as a wire would decode them, a line for each part, and what becomes of them.
var admitTests = []struct{ name, head, want string }{
	{"plain", ":method GET|:path /a|host a", `GET "/a" host=a server=default host`},
	{"all parts", ":method POST|:path /a/../b%20c.d?e=%20|:authority Other.test:81|x-a 1", `POST "/b c.d" args=e=%20 ext=d escaped host=other.test:81 server=other x-a`},
	{"arguments only", ":method GET|:path ?a|:authority a", `GET "/" args=a changed host=a server=default`},
	{"an unknown method", ":method A-B_C|:path /", `A-B_C "/" server=default`},
	{"a bad method", ":method get", "client sent invalid method"},
	{"no method", ":method ", "client sent invalid method"},
	{"a path that climbs", ":method GET|:path /../a", "client sent invalid request"},
	{"a path with a space", ":method GET|:path /a b", "client sent invalid request"},
	{"a path that is none", ":method GET|:path a", "client sent invalid request"},
	{"an empty path", ":method GET|:path ", "client sent invalid request"},
	{"a bad authority", ":method GET|:path /|:authority a/b", "client sent invalid host header"},
	{"the authority wins", ":method GET|:path /|:authority other.test|host default", `GET "/" host=other.test server=other host`},
	{"a bad host", ":method GET|:path /|host a b", "client sent invalid host header"},
	{"two hosts", ":method GET|:path /|host a|host a", "client sent duplicate header line"},
	{"two lengths", ":method GET|:path /|content-length 1|content-length 1", "client sent duplicate header line"},
	{"length", ":method GET|:path /|content-length 12", `GET "/" server=default content-length length=12`},
	{"a bad length", ":method GET|:path /|content-length +1", `client sent invalid "Content-Length" header`},
	{"tabs around a length", ":method GET|:path /|content-length \t12\t", `GET "/" server=default content-length length=12`},
	{"no token", ":method GET|:path /|a[b] 1", "client sent invalid header line"},
	{"a fragment", ":method GET|:path /a#b", `GET "/a" changed server=default`},
	{"expect", ":method GET|:path /|expect 100-Continue", `GET "/" server=default expect expects`},
	{"odd names go", ":method GET|:path /|a.b 1|a_b 1|c 1", `GET "/" server=default c`},
	{"a server that takes underscores", ":method GET|:path /|:authority other.test|a.b 1|a_b 1", `GET "/" host=other.test server=other a_b`},
	{"as many fields as allowed", ":method GET|:path /|a 1|b 1|c 1|d 1|a.b 1|e 1", `GET "/" server=default a b c d e`},
	{"too many fields", ":method GET|:path /|a 1|b 1|c 1|d 1|e 1|f 1", "client sent too many header lines"},
}

func TestAdmit(t *testing.T) {
	server := func(name string) *Server {
		s := &Server{Name: name, Core: &ServerConf{MaxHeaders: 5, IgnoreInvalid: true, MergeSlashes: true}}
		s.Root = &Location{Server: s, Core: &CoreConf{}}
		return s
	}
	def, other := server("default"), server("other")
	other.Core.Underscores = true
	table := route.NewNames[*Server]()
	for name, s := range map[string]*Server{"": def, "other.test": other} {
		if err := table.Add(name, s); err != nil {
			t.Fatal(err)
		}
	}
	port := &Port{App: &App{}, Address: &Address{Default: def, Names: table}}
	looptest.Run(t, func(k *loop.Task, c *loop.Conn, _ net.Conn) {
		for _, tt := range admitTests {
			r := &Request{Head: &Head{}, Task: k, Client: &Client{Conn: c}}
			r.Bind(port)
			got := ""
			if err := admitHead(r, port, tt.head); err != nil {
				got = err.Error()
			} else {
				got = describe(r)
			}
			if got != tt.want {
				t.Errorf("%s:\n%s; want\n%s", tt.name, got, tt.want)
			}
			r.arena.release(k.Loop())
		}
	})
}

func admitHead(r *Request, port *Port, head string) error {
	for part := range strings.SplitSeq(head, "|") {
		name, value, _ := strings.Cut(part, " ")
		var err error
		switch name {
		case ":method":
			err = r.AdmitMethod([]byte(value))
		case ":path":
			err = r.AdmitTarget([]byte(value))
		case ":authority":
			err = r.AdmitHost(port, []byte(value))
		default:
			f := Field{ID: field.Lookup([]byte(name)), Name: []byte(name), Value: []byte(value)}
			f.Flags, _ = field.CheckName(f.Name)
			if fault := r.AdmitField(port, &f); fault != nil {
				err = fault
			}
		}
		if err != nil {
			return err
		}
	}
	r.AdmitExpect()
	return r.AdmitLength()
}

func describe(r *Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q", r.MethodName, r.URI)
	for _, part := range []struct {
		key   string
		value []byte
	}{{"args", r.Args}, {"ext", r.Exten}} {
		if part.value != nil {
			fmt.Fprintf(&b, " %s=%s", part.key, part.value)
		}
	}
	if r.Escaped {
		b.WriteString(" escaped")
	}
	if !r.Plain {
		b.WriteString(" changed")
	}
	if r.HostName != nil {
		fmt.Fprintf(&b, " host=%s", r.HostName)
	}
	if r.HostPort != nil {
		fmt.Fprintf(&b, ":%s", r.HostPort)
	}
	fmt.Fprintf(&b, " server=%s", r.Server.Name)
	for i := range r.In {
		fmt.Fprintf(&b, " %s", r.In[i].Name)
	}
	if r.Body.Length > 0 {
		fmt.Fprintf(&b, " length=%d", r.Body.Length)
	}
	if r.Body.Expect {
		b.WriteString(" expects")
	}
	return b.String()
}
