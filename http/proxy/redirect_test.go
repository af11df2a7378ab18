package proxy

import (
	"testing"

	"weir/http"
)

func TestRedirect(t *testing.T) {
	plain := &target{url: "http://app:8080", location: "/one/"}
	withURI := &target{url: "http://app:8080/two/", uri: "/two/", location: "/one/"}
	variable := &target{text: text(t, "http://$v")}
	to := func(w rewrite, s string) rewrite { w.to = text(t, s); return w }
	literal := rewrite{from: text(t, "http://app/"), to: text(t, "/$v/")}
	port := to(pattern(t, `^http://[^:/]+:(\d+)/(.+)$`, false), "http://x:$1/$2")

	tests := []struct {
		name     string
		target   *target
		set      redirects
		in, want string // want "" when nothing is changed
	}{
		{"default", plain, redirects{}, "http://app:8080/x", "/x"},
		{"default of another server", plain, redirects{}, "http://app:8081/x", ""},
		{"default with a URI", withURI, redirects{}, "http://app:8080/two/x?y", "/one/x?y"},
		{"default with another URI", withURI, redirects{}, "http://app:8080/three/", ""},
		{"default with variables", variable, redirects{}, "http://value/", ""},
		{"off", plain, redirects{off: true}, "http://app:8080/x", ""},
		{"literal", plain, redirects{list: []rewrite{literal}}, "http://app/a/b", "/value/a/b"},
		{"literal in place of the default", plain, redirects{list: []rewrite{literal}}, "http://app:8080/x", ""},
		{"literal before the default", plain, redirects{list: []rewrite{literal, {byDefault: true}}}, "http://app:8080/x", "/x"},
		{"pattern", plain, redirects{list: []rewrite{literal, port}}, "http://app:81/q", "http://x:81/q"},
	}
	onTask(t, func(r *http.Request) {
		for _, tt := range tests {
			got, changed := first(tt.set.forTarget(tt.target), r, []byte(tt.in), 0)
			want := tt.want
			if want == "" {
				want = tt.in
			}
			if string(got) != want || changed != (tt.want != "") {
				t.Errorf("%s: %q became %q (%v), want %q", tt.name, tt.in, got, changed, want)
			}
		}
	})
}

func TestRefresh(t *testing.T) {
	tests := []struct {
		in, want string
	}{
		{"5; url=http://app:8080/x", "5; url=/x"},
		{"5;URL=http://app:8080/x", "5;URL=/x"},
		{"5", "5"},
		{"5; url=http://other/", "5; url=http://other/"},
	}
	list := (&redirects{}).forTarget(&target{url: "http://app:8080"})
	onTask(t, func(r *http.Request) {
		for _, tt := range tests {
			x := exchange{call: call{r: r, conf: &upstreamConf{}}, proto: &http1{loc: &http1Loc{proxyConf: &proxyConf{}, redirect: list}}}
			r.Out.Fields = nil
			f := newField("Refresh", tt.in)
			x.copyField(&f)
			if got := string(r.Out.Fields[0].Value); got != tt.want {
				t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
			}
		}
	})
}
