package master

import "testing"

// TestTitle writes titles of every length into memory of one.
func TestTitle(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "\x00\x00\x00\x00\x00\x00"},
		{"abc", "abc\x00\x00\x00"},
		{"abcdefgh", "abcde\x00"},
	} {
		title := &Title{[]byte("before")}
		title.Set(tt.text)
		if string(title.area) != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, title.area, tt.want)
		}
	}
	(*Title)(nil).Set("nothing")
	if len(workerTitle)+len(leaving) > len(workerTitle)+1+len(titleRoom) {
		t.Error("there is no room for what a worker is called in the end")
	}
}
