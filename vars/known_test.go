package vars

import "testing"

func TestFindKnown(t *testing.T) {
	for _, tt := range []struct {
		street, name string
		want         Known // empty: nginx does not know it
	}{
		{"http", "host", Known{Name: "host", Module: "http_core"}},
		{"http", "Gzip_Ratio", Known{Name: "gzip_ratio", Module: "http_gzip_filter"}},
		{"http", "ssl_client_serial", Known{Name: "ssl_client_serial", Module: "http_ssl"}},
		{"http", "http_x_y", Known{Name: "http_", Module: "http_core"}},
		{"http", "http2", Known{Name: "http2", Module: "http_v2"}},
		{"http", "upstream_http_etag", Known{Name: "upstream_http_", Module: "http_upstream"}},
		{"http", "upstream_queue_time", Known{Name: "upstream_queue_time", Module: "http_upstream", Plus: true}},
		{"http", "session_time", Known{}},
		{"http", "hostt", Known{}},
		{"http", "", Known{}},
		{"stream", "session_time", Known{Name: "session_time", Module: "stream_core"}},
		{"stream", "uri", Known{}},
	} {
		got, ok := FindKnown(tt.street, tt.name)
		if got != tt.want || ok != (tt.want.Name != "") {
			t.Errorf("%s $%s: %+v, %t", tt.street, tt.name, got, ok)
		}
	}
}

// TestKnownText finds names that stand twice in a module.
func TestKnownText(t *testing.T) {
	seen := map[Known]bool{}
	for _, k := range AllKnown() {
		if seen[k] {
			t.Errorf("%+v stands twice", k)
		}
		seen[k] = true
	}
	if len(seen) < 200 {
		t.Errorf("%d variables were read", len(seen))
	}
}
