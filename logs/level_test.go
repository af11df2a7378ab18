package logs

import "testing"

func TestParseLevel(t *testing.T) {
	for v := Emerg; v <= Debug; v++ {
		if got, ok := ParseLevel(v.String()); !ok || got != v {
			t.Errorf("ParseLevel(%q) = %v, %v", v, got, ok)
		}
	}
	for _, s := range []string{"debug_core", "debug_http", "debug_stream"} {
		if got, ok := ParseLevel(s); !ok || got != Debug {
			t.Errorf("ParseLevel(%q) = %v, %v; want debug", s, got, ok)
		}
	}
	for _, s := range []string{"", "stderr", "Error", "warning", "debug_", "debug_x"} {
		if v, ok := ParseLevel(s); ok {
			t.Errorf("ParseLevel(%q) = %v; want none", s, v)
		}
	}
}
