package field

import (
	"testing"
	"time"
)

func TestDate(t *testing.T) {
	// A second of every few weeks, over the leap days of many centuries.
	for sec := int64(0); sec < 8000*366*86400; sec += 86400*53 + 3601 {
		want := time.Unix(sec, 0).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
		if got := string(AppendDate(nil, sec)); got != want {
			t.Fatalf("%d: got %q, want %q", sec, got, want)
		}
		if got, ok := ParseDate([]byte(want)); !ok || got != sec {
			t.Fatalf("%q: got %d %v, want %d", want, got, ok, sec)
		}
	}
	if got := string(AppendDate(nil, -1)); got != "Wed, 31 Dec 1969 23:59:59 GMT" {
		t.Errorf("-1: %q", got)
	}
}

func TestParseDate(t *testing.T) {
	const nov6 = 784111777
	tests := []struct {
		in   string
		want int64 // -1: none
	}{
		{"Sun, 06 Nov 1994 08:49:37 GMT", nov6},
		{"Sunday, 06-Nov-94 08:49:37 GMT", nov6},
		{"Sun Nov  6 08:49:37 1994", nov6},
		{"Sun Nov 6 08:49:37 1994", nov6},
		{"Sun Nov 06 08:49:37 1994", nov6},
		{"Mon, 06 Nov 1994 08:49:37", nov6},
		{"x,06 Nov 1994 08:49:37 CET", nov6},
		{"Sun,   06 Nov 1994 08:49:37 GMT", nov6},
		{"Friday, 01-Jan-69 00:00:00 GMT", 3124224000},
		{"Thursday, 01-Jan-70 00:00:00 GMT", 0},
		{"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
		{"Thu, 29 Feb 1900 00:00:00 GMT", -1},
		{"Wed, 29 Feb 2023 00:00:00 GMT", -1},
		{"Mon, 31 Apr 2000 00:00:00 GMT", -1},
		{"Mon, 00 Apr 2000 00:00:00 GMT", -1},
		{"Mon, 01 Foo 2000 00:00:00 GMT", -1},
		{"Mon, 01 Jan 2000 24:00:00 GMT", -1},
		{"Mon, 01 Jan 2000 00:60:00 GMT", -1},
		{"Mon, 01 Jan 2000 00:00:60 GMT", -1},
		{"Mon, 1 Jan 2000 00:00:00 GMT", -1},
		{"Mon, 01 Jan 200", -1},
		{"Mon, 01 Jan 2000 00-00-00 GMT", -1},
		{"Sun Nov  6 08:49:37", -1},
		{"784111777", -1},
		{"", -1},
		{",", -1},
		{"never", -1},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, ok := ParseDate([]byte(tt.in))
			if ok != (tt.want >= 0) || ok && got != tt.want {
				t.Errorf("got %d %v, want %d", got, ok, tt.want)
			}
		})
	}
}

func TestDateAllocs(t *testing.T) {
	buf := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		b := AppendDate(buf, 784111777)
		_, _ = ParseDate(b)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDate(b *testing.B) {
	buf := make([]byte, 0, 64)
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			AppendDate(buf, 784111777)
		}
	})
	text := AppendDate(nil, 784111777)
	b.Run("parse", func(b *testing.B) {
		for b.Loop() {
			_, _ = ParseDate(text)
		}
	})
}

func FuzzParseDate(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT")
	f.Add("Sun Nov  6 08:49:37 1994")
	f.Fuzz(func(t *testing.T, in string) {
		if unix, ok := ParseDate([]byte(in)); ok {
			if again, ok := ParseDate(AppendDate(nil, unix)); !ok || again != unix {
				t.Errorf("%q: %d became %d", in, unix, again)
			}
		}
	})
}
