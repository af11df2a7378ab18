package url

import "testing"

func TestSplitHost(t *testing.T) {
	tests := []struct {
		in, name, port string
		ok             bool
	}{
		{"a", "a", "", true},
		{"A.Example.ORG:8080", "a.example.org", "8080", true},
		{"a.b.:80", "a.b", "80", true},
		{"a.", "a", "", true},
		{"a:", "a", "", true},
		{"a:0", "a", "0", true},
		{"a:65535", "a", "65535", true},
		{"a:00080", "a", "00080", true},
		{".a", ".a", "", true},
		{"127.0.0.1", "127.0.0.1", "", true},
		{"[::1]", "[::1]", "", true},
		{"[FE80::1]:80", "[fe80::1]", "80", true},
		{"[v1.a~b]", "[v1.a~b]", "", true},
		{"a_b~!$&'()*+;=%41%c3%A4-", "a_b~!$&'()*+;=%41%c3%a4-", "", true},
		{"[v1.a,b]", "[v1.a,b]", "", true},
		{"a,b", "", "", false},
		{"a%00b", "", "", false},
		{"a%2fb", "", "", false},
		{"a%2Cb", "", "", false},
		{"a%7f", "", "", false},
		{"a%", "", "", false},
		{"a%4", "", "", false},
		{"a%zz", "", "", false},
		{"", "", "", false},
		{".", "", "", false},
		{"..", "", "", false},
		{":80", "", "", false},
		{".:80", "", "", false},
		{"a..b", "", "", false},
		{"a..", "", "", false},
		{"a:65536", "", "", false},
		{"a:99999999999999999999", "", "", false},
		{"a:8a", "", "", false},
		{"a:80:80", "", "", false},
		{"a b", "", "", false},
		{"a/b", "", "", false},
		{"a\\b", "", "", false},
		{"a@b", "", "", false},
		{"a?b", "", "", false},
		{"a#b", "", "", false},
		{"a\"b", "", "", false},
		{"a<b", "", "", false},
		{"a\x00b", "", "", false},
		{"a\tb", "", "", false},
		{"\xc3\xa4", "", "", false},
		{"a]", "", "", false},
		{"a[b", "", "", false},
		{"[::1", "", "", false},
		{"[::1]a", "", "", false},
		{"[::1].", "", "", false},
		{"[%31]", "", "", false},
		{"[a..b]", "", "", false},
		{"[[", "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			in := []byte(tt.in)
			name, port, ok := SplitHost(nil, in)
			if ok != tt.ok || string(name) != tt.name || string(port) != tt.port {
				t.Errorf("got %q %q %v, want %q %q %v", name, port, ok, tt.name, tt.port, tt.ok)
			}
			if string(in) != tt.in {
				t.Errorf("the host became %q", in)
			}
		})
	}
}

func TestSplitHostAllocs(t *testing.T) {
	buf, host := make([]byte, 0, 64), []byte("WWW.Example.org:8080")
	if n := testing.AllocsPerRun(100, func() { _, _, _ = SplitHost(buf, host) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSplitHost(b *testing.B) {
	host := []byte("www.example.org")
	for b.Loop() {
		_, _, _ = SplitHost(nil, host)
	}
}
