package filter_test

import (
	"strings"
	"testing"

	"weir/http"
	"weir/http/filter"
	"weir/weirtest/inside"
)

// TestLargeFiles: what filters make of a file does not wait in memory for its end, and others on the loop have their turn.
func TestLargeFiles(t *testing.T) {
	s := inside.New(t, `
		charset_map iso-8859-1 x-test { E4 61; }
		server {
			location /sub/ { sub_filter text TEXT; sub_filter_once off; }
			location /ssi/ { ssi on; }
			location /charset/ { charset x-test; source_charset iso-8859-1; }
			location /gzip/ { gzip on; }
		}`, filter.Gzip, filter.SSI, filter.Charset, filter.Sub)
	line := "<p>" + strings.Repeat("text ", 100) + "</p>\n"
	body := strings.Repeat(line, 16<<20/len(line))
	hidden := "<!--# if expr=\"\" -->" + strings.Repeat("<p>", 8<<20/3) + "<!--# endif -->" // each of them takes its time
	for _, c := range []struct{ target, body, want string }{
		{"/sub/", body, strings.ReplaceAll(body, "text", "TEXT")},
		{"/ssi/", body, body},
		{"/ssi/", hidden, ""},
		{"/charset/", body, body},
		{"/gzip/", body, ""},
	} {
		turns := 0
		a := s.Do(inside.Ask{Target: c.target, Fields: []string{"Accept-Encoding: gzip"}, Answer: func(r *http.Request) http.Verdict {
			over := false
			var count func()
			count = func() {
				if !over {
					turns++
					r.Loop().Post(count)
				}
			}
			r.Loop().Post(count)
			defer func() { over = true }()
			return s.Send(r, &inside.Content{Length: -1, Parts: []inside.Part{{Text: c.body, Kind: inside.File}}})
		}})
		if !a.Ended || c.target != "/gzip/" && a.Body != c.want {
			t.Errorf("%s: %d bytes, ended %t; want %d", c.target, len(a.Body), a.Ended, len(c.want))
		}
		if s.Most() > 1<<20 || turns == 0 {
			t.Errorf("%s: %d bytes waited in memory, and others had %d turns", c.target, s.Most(), turns)
		}
	}
}
