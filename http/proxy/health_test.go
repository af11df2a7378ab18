package proxy

import (
	"testing"

	"weir/http"
)

// TestGRPCServes reads answers of the health protocol, right ones and others.
func TestGRPCServes(t *testing.T) {
	const head = "\x00\x00\x00\x00"
	tests := []struct {
		name, body string
		want       bool
	}{
		{"serving", head + "\x02\x08\x01", true},
		{"not serving", head + "\x02\x08\x02", false},
		{"unknown is the zero value, which is not sent", head + "\x00", false},
		{"the last one counts", head + "\x04\x08\x02\x08\x01", true},
		{"fields that nobody knows", head + "\x16\x12\x02ab\x08\x01\x19abcdefgh\x25abcd\x10\x05", true},
		{"compressed", "\x01\x00\x00\x00\x02\x08\x01", false},
		{"longer than it is", head + "\x03\x08\x01", false},
		{"a string that is longer than it is", head + "\x04\x08\x01\x12\x05", false},
		{"a number without end", head + "\x03\x08\x81\x81", false},
		{"a group", head + "\x01\x0b", false},
		{"nothing", "", false},
		{"half a frame", head, false},
	}
	for _, tt := range tests {
		if got := grpcServes([]byte(tt.body)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		for i := range tt.body { // it must not panic
			grpcServes([]byte(tt.body[:i]))
		}
	}
}

// TestMatchHead holds statuses and fields against tests.
func TestMatchHead(t *testing.T) {
	html := "text/html"
	fields := http.Fields{{Name: []byte("Content-Type"), Value: []byte(html)}, {Name: []byte("X-Two"), Value: []byte("1")}, {Name: []byte("X-Two"), Value: []byte("2")}}
	one := "1"
	tests := []struct {
		name  string
		match *match
		want  bool
	}{
		{"no match", nil, true},
		{"a status in a range", &match{statuses: []statusTest{{ranges: [][2]int{{100, 150}, {200, 299}}}}}, true},
		{"a status in none", &match{statuses: []statusTest{{ranges: [][2]int{{201, 299}}}}}, false},
		{"a status that must not be", &match{statuses: []statusTest{{not: true, ranges: [][2]int{{200, 200}}}}}, false},
		{"another one that must not be", &match{statuses: []statusTest{{not: true, ranges: [][2]int{{300, 599}}}}}, true},
		{"a field", &match{headers: []headerTest{{name: "content-type"}}}, true},
		{"a field that is missing", &match{headers: []headerTest{{name: "x"}}}, false},
		{"a field that must not be, and is not", &match{headers: []headerTest{{name: "x", not: true}}}, true},
		{"a field that must not be", &match{headers: []headerTest{{name: "x-two", not: true}}}, false},
		{"a value", &match{headers: []headerTest{{name: "Content-Type", value: &html}}}, true},
		{"another value", &match{headers: []headerTest{{name: "Content-Type", value: &one}}}, false},
		{"not that value", &match{headers: []headerTest{{name: "Content-Type", not: true, value: &one}}}, true},
		{"not that value, and no field", &match{headers: []headerTest{{name: "x", not: true, value: &one}}}, false},
		{"one of two fields", &match{headers: []headerTest{{name: "x-two", value: &one}}}, false},
	}
	for _, tt := range tests {
		if _, got := tt.match.head(200, fields); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	for status, want := range map[int]bool{199: false, 200: true, 399: true, 400: false, 500: false} {
		if _, got := (*match)(nil).head(status, nil); got != want {
			t.Errorf("%d without match: %v", status, got)
		}
	}
}
