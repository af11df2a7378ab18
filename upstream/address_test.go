package upstream

import (
	"fmt"
	"testing"

	"weir/conf"
)

func TestParseTarget(t *testing.T) {
	for _, tt := range []struct {
		in   string
		uri  bool
		want string // host, port, IP, rest
	}{
		{"10.0.0.1", false, "10.0.0.1 80 10.0.0.1 ''"},
		{"10.0.0.1:8080", false, "10.0.0.1 :8080 10.0.0.1 ''"},
		{"10.0.0.1:8080/x?y", true, "10.0.0.1 :8080 10.0.0.1 '/x?y'"},
		{"app?y", true, "app 80 - '?y'"},
		{"app/a:9", true, "app 80 - '/a:9'"},
		{"App:1", true, "App :1 - ''"},
		{"[::1]:90/", true, "[::1] :90 ::1 '/'"},
		{"[::1]", true, "[::1] 80 ::1 ''"},
		{"unix:/run/a.sock:/x", true, "/run/a.sock 0 - '/x' unix"},
		{"unix:/run/a.sock:/x", false, "/run/a.sock:/x 0 - '' unix"},
		{"1.2.3", false, "1.2.3 80 - ''"},
		{"1.2.3.256", false, "1.2.3.256 80 - ''"},
		{"1.2.3.4.", false, "1.2.3.4. 80 - ''"},
		{"/x", true, "no host"},
		{"app:/x", true, "invalid port"},
		{"app:65536", true, "invalid port"},
		{"app:99999999999999999999", true, "invalid port"},
		{"unix::/x", true, "no path in the unix domain socket"},
		{"[1.2.3.4]", true, "invalid IPv6 address"},
	} {
		got := describe(ParseTarget(tt.in, 80, tt.uri))
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
}

func describe(t Target, rest string, err error) string {
	if err != nil {
		return err.Error()
	}
	port, ip, unix := fmt.Sprint(t.Port), "-", ""
	if t.HasPort {
		port = ":" + port
	}
	if t.IP.IsValid() {
		ip = t.IP.String()
	}
	if t.Unix {
		unix = " unix"
	}
	return fmt.Sprintf("%s %s %s '%s'%s", t.Host, port, ip, rest, unix)
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"a", "a:1", "[::1]:2/x", "unix:/a:/b", "1.2.3.4?x", ":", "[]", "unix:"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, uri bool) {
		target, rest, err := ParseTarget(s, 80, uri)
		if err != nil {
			return
		}
		if target.Host == "" || !uri && rest != "" {
			t.Errorf("%q: %+v %q", s, target, rest)
		}
		// What was read reads the same again.
		again, _, err := ParseTarget(target.Text, 80, uri)
		if err != nil || again != target {
			t.Errorf("%q: %+v, again %+v, %v", s, target, again, err)
		}
	})
}

// TestRefer: what proxy_pass may point to.
func TestRefer(t *testing.T) {
	d := NewDeclared(letters)
	d.declare(&Spec{Name: "App", Node: &conf.Node{}})
	c := &conf.Call{Node: &conf.Node{Words: []conf.Word{{Text: "proxy_pass"}, {Text: "x"}}}}
	refer := func(s string, port uint16) (*Spec, string) {
		target, _, err := ParseTarget(s, port, true)
		if err != nil {
			return nil, err.Error()
		}
		spec, err := d.Refer(c, 0, target)
		if err != nil {
			return nil, err.Error()
		}
		return spec, ""
	}
	for _, tt := range []struct {
		in   string
		port uint16
		want string
	}{
		{"app:80", 80, "upstream \"app\" may not have port 80"},
		{"nowhere", 80, "host not found in upstream \"nowhere\""},
		{"nowhere", 80, "host not found in upstream \"nowhere\""},
		{"10.0.0.1", 0, "no port in upstream \"10.0.0.1\""},
	} {
		if _, got := refer(tt.in, tt.port); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
	if s, _ := refer("APP", 80); s == nil || s.Name != "App" {
		t.Error("a declared group was not found:", s)
	}
	one, _ := refer("many:81", 80)
	two, _ := refer("MANY:81", 80)
	if other, _ := refer("many", 80); one != two || one == other {
		t.Error("implicit groups are told apart by host and port")
	}
	g, err := Build(one, Options{})
	if err != nil || len(g.Peers()) != 3 || g.Pool() != nil || g.Peers()[0].Name != "10.1.0.1:81" {
		t.Error(g.Peers(), err)
	}
}
