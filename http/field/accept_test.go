package field

import (
	"strconv"
	"strings"
	"testing"
)

// acceptCases are values of Accept-Encoding and the weight they give to gzip. Where it is 0 nginx does not compress either.
var acceptCases = map[string]int{
	"gzip": 1000, "GZip": 1000, "gzip,deflate": 1000, "deflate, gzip": 1000, "deflate,gzip , br": 1000, "br;q=1, gzip;q=0.5": 500,
	"gzip;q=1": 1000, "gzip; q=1.0": 1000, "gzip ;Q=0.001": 1, "gzip;q=0.12,x": 120, "gzip;q=0.9 ,x": 900, "gzip;": 1000, "gzip; ": 1000,
	"xgzip, gzip;q=0.2": 200, "gzip;q=0.": 0, "gzip;q=1.": 1000,
	"": 0, "*": 0, "x-gzip": 0, "gzi": 0, "gzipp": 0, "gzip;q=0": 0, "gzip;q=0.000": 0, "gzip;q=2": 0, "gzip;q=1.1": 0, "gzip;q=0.1234": 0,
	"gzip;q=-1": 0, "gzip;q=": 0, "gzip;q": 0, "gzip;r=1": 0, "gzip;q=0.x": 0, "gzip;q=0, gzip": 0, "gzip\t": 0, ";;;,,,q=1": 0,
}

func TestAcceptsCoding(t *testing.T) {
	for value, want := range acceptCases {
		if got := AcceptsCoding([]byte(value), "gzip"); got != want {
			t.Errorf("%q: %d, want %d", value, got, want)
		}
	}
}

// FuzzAcceptsCoding holds the reading of well-formed lists against one by the grammar, and sees that others do no harm.
func FuzzAcceptsCoding(f *testing.F) {
	for value := range acceptCases {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := AcceptsCoding([]byte(value), "gzip")
		if got < 0 || got > 1000 {
			t.Fatalf("%q: %d", value, got)
		}
		if got > 0 && !strings.Contains(strings.ToLower(value), "gzip") {
			t.Fatalf("%q has no gzip", value)
		}
		if want, ok := byGrammar(value); ok && got != want {
			t.Fatalf("%q: %d, want %d", value, got, want)
		}
	})
}

// byGrammar reads lists of the plainest form: "a, b;q=0.5".
func byGrammar(value string) (weight int, ok bool) {
	for i, part := range strings.Split(value, ",") {
		name, q, weighed := strings.Cut(strings.TrimLeft(part, " "), ";q=")
		if strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz-") != "" || name == "" || i > 0 && part[0] != ' ' && name != part {
			return 0, false
		}
		w := 1000.0
		if weighed {
			var err error
			if w, err = strconv.ParseFloat(q, 64); err != nil || len(q) > 5 || strings.Trim(q, "0123456789.") != "" || q[0] != '0' || len(q) == 1 || q[1] != '.' {
				return 0, false
			}
			w = w*1000 + 0.5
		}
		if strings.EqualFold(name, "gzip") {
			return int(w), true
		}
	}
	return 0, true
}
