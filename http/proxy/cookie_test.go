package proxy

import (
	"testing"

	"weir/http"
)

func TestRewriteCookie(t *testing.T) {
	domain := rewrite{from: text(t, "localhost"), to: text(t, "example.org")}
	anyDomain := pattern(t, `\.?([a-z]+)\.local`, true)
	anyDomain.to = text(t, "$1.org")
	path := rewrite{from: text(t, "/two/"), to: text(t, "/$v/")}
	caseless := pattern(t, "^/three/(.*)$", true)
	caseless.to = text(t, "/3/$1")
	flags := func(name string, words ...string) cookieFlags {
		f := cookieFlags{name: text(t, name)}
		for _, w := range words {
			f.flags = append(f.flags, text(t, w))
		}
		return f
	}
	anyCookie := cookieFlags{regex: pattern(t, "^x", true).regex, flags: []*http.Text{text(t, "secure")}}

	tests := []struct {
		name     string
		conf     proxyConf
		in, want string
	}{
		{"nothing to do", proxyConf{domains: rewrites{list: []rewrite{domain}}}, "a=b;  path=/;x", "a=b;  path=/;x"},
		{"domain", proxyConf{domains: rewrites{list: []rewrite{domain}}}, "a=b; domain=localhost", "a=b; domain=example.org"},
		{"domain with a dot", proxyConf{domains: rewrites{list: []rewrite{domain}}}, "a=b; Domain=.LOCALHOST;q", "a=b; Domain=.example.org; q"},
		{"a longer domain", proxyConf{domains: rewrites{list: []rewrite{domain}}}, "a=b; domain=localhost.x", "a=b; domain=localhost.x"},
		{"domain by pattern", proxyConf{domains: rewrites{list: []rewrite{domain, anyDomain}}}, "a=b;domain=App.local", "a=b; domain=App.org"},
		{"path", proxyConf{paths: rewrites{list: []rewrite{path}}}, "a=b; path=/two/x; Secure", "a=b; path=/value/x; Secure"},
		{"path is minded by case", proxyConf{paths: rewrites{list: []rewrite{path}}}, "a=b; path=/TWO/x", "a=b; path=/TWO/x"},
		{"path by pattern", proxyConf{paths: rewrites{list: []rewrite{path, caseless}}}, "a=b; path=/THREE/x", "a=b; path=/3/x"},
		{"the cookie itself is no attribute", proxyConf{paths: rewrites{list: []rewrite{path}}}, "path=/two/; b", "path=/two/; b"},
		{"no cookie at all", proxyConf{flags: []cookieFlags{flags("a", "secure")}}, "a; path=/", "a; path=/"},
		{"flags are added", proxyConf{flags: []cookieFlags{flags("a", "secure", "httponly", "samesite=lax")}}, "A=b", "A=b; Secure; HttpOnly; SameSite=Lax"},
		{"flags are there", proxyConf{flags: []cookieFlags{flags("a", "secure", "httponly")}}, "a=b; HTTPONLY; secure", "a=b; HTTPONLY; secure"},
		{"flags are dropped", proxyConf{flags: []cookieFlags{flags("a", "nosecure", "nohttponly", "nosamesite")}}, "a=b; secure; x; HttpOnly; samesite=none", "a=b; x"},
		{"samesite is changed", proxyConf{flags: []cookieFlags{flags("a", "samesite=strict")}}, "a=b; samesite=none", "a=b; SameSite=Strict"},
		{"samesite is right", proxyConf{flags: []cookieFlags{flags("a", "samesite=strict")}}, "a=b; samesite=STRICT", "a=b; samesite=STRICT"},
		{"a flag from a variable", proxyConf{flags: []cookieFlags{flags("a", "$empty", "secure")}}, "a=b", "a=b; Secure"},
		{"a word that is no flag", proxyConf{flags: []cookieFlags{flags("a", "$v")}}, "a=b;c", "a=b;c"},
		{"another cookie", proxyConf{flags: []cookieFlags{flags("a", "secure")}}, "b=b;c", "b=b;c"},
		{"cookies of a pattern", proxyConf{flags: []cookieFlags{flags("a", "httponly"), anyCookie}}, "Xy=1", "Xy=1; Secure"},
	}
	onTask(t, func(r *http.Request) {
		for _, tt := range tests {
			if got := tt.conf.rewriteCookie(r, []byte(tt.in)); string(got) != tt.want {
				t.Errorf("%s: %q became %q, want %q", tt.name, tt.in, got, tt.want)
			}
		}
	})
}
