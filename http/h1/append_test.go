package h1

import "testing"

func TestAppendStatusLine(t *testing.T) {
	tests := []struct {
		status int
		reason string
		want   string
	}{
		{200, "", "HTTP/1.1 200 OK\r\n"},
		{302, "", "HTTP/1.1 302 Moved Temporarily\r\n"},
		{405, "", "HTTP/1.1 405 Not Allowed\r\n"},
		{408, "", "HTTP/1.1 408 Request Time-out\r\n"},
		{413, "", "HTTP/1.1 413 Request Entity Too Large\r\n"},
		{414, "", "HTTP/1.1 414 Request-URI Too Large\r\n"},
		{416, "", "HTTP/1.1 416 Requested Range Not Satisfiable\r\n"},
		{421, "", "HTTP/1.1 421 Misdirected Request\r\n"},
		{429, "", "HTTP/1.1 429 Too Many Requests\r\n"},
		{503, "", "HTTP/1.1 503 Service Temporarily Unavailable\r\n"},
		{504, "", "HTTP/1.1 504 Gateway Time-out\r\n"},
		{507, "", "HTTP/1.1 507 Insufficient Storage\r\n"},
		{100, "", "HTTP/1.1 100 \r\n"},
		{203, "", "HTTP/1.1 203 \r\n"},
		{418, "", "HTTP/1.1 418 \r\n"},
		{599, "", "HTTP/1.1 599 \r\n"},
		{600, "", "HTTP/1.1 600 \r\n"},
		{999, "", "HTTP/1.1 999 \r\n"},
		{99, "", "HTTP/1.1 099 \r\n"},
		{7, "", "HTTP/1.1 007 \r\n"},
		{200, "200 Fine", "HTTP/1.1 200 Fine\r\n"},
		{403, "403.1 No", "HTTP/1.1 403.1 No\r\n"},
		{200, "200 a\r\nB: c", "HTTP/1.1 200 a  B: c\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			var reason []byte
			if tt.reason != "" {
				reason = []byte(tt.reason)
			}
			if got := string(AppendStatusLine(nil, tt.status, reason)); got != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestAppendField(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"plain", "b", "A: b\r\n"},
		{"empty", "", "A: \r\n"},
		{"tab and high bytes stay", "\tb\xff\x01", "A: \tb\xff\x01\r\n"},
		{"splitting", "b\r\nC: d", "A: b  C: d\r\n"},
		{"splitting later", "0123456789\n\x00\r", "A: 0123456789   \r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			value := []byte(tt.value)
			if got := string(AppendField(nil, []byte("A"), value)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if string(value) != tt.value {
				t.Errorf("the value became %q", value)
			}
		})
	}
}

func TestAppendChunkHead(t *testing.T) {
	for n, want := range map[int64]string{1: "1\r\n", 255: "ff\r\n", 65536: "10000\r\n"} {
		if got := string(AppendChunkHead(nil, n)); got != want {
			t.Errorf("%d: got %q", n, got)
		}
	}
}

func TestAppendAllocs(t *testing.T) {
	buf, name, value := make([]byte, 0, 256), []byte("Name"), []byte("a value of some length")
	if n := testing.AllocsPerRun(100, func() {
		b := AppendStatusLine(buf, 200, nil)
		b = AppendStatusLine(b, 599, nil)
		b = AppendField(b, name, value)
		_ = AppendChunkHead(b, 1<<40)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	buf, name, value := make([]byte, 0, 256), []byte("Cache-Control"), []byte("public, max-age=3600, immutable")
	for b.Loop() {
		out := AppendStatusLine(buf, 200, nil)
		_ = AppendField(out, name, value)
	}
}
