package weirtest

import "testing"

func TestFaults(t *testing.T) {
	for line, bad := range map[string]bool{
		"2026/11/29 23:54:19 [alert] 7458#7458: panic: runtime error: slice bounds out of range [:120:44]": true,
		"2026/11/29 23:54:19 [alert] 7458#7458: *7 bug: a subrequest cannot become a tunnel":               true,
		"panic: assignment to entry in nil map":                                                            true,
		"fatal error: concurrent map writes":                                                               true,
		"WARNING: DATA RACE":                                                                               true,
		"2026/11/29 23:54:19 [error] 7458#7458: *7 open() \"/srv/panic: \" failed":                         false,
		"2026/11/29 23:54:19 [debug] 7458#7458: *7 http header: \"x: bug\"":                                false,
		`127.0.0.1 - - "GET /bug HTTP/1.1" 200`:                                                            false,
	} {
		if got := len(Faults([]string{line})) > 0; got != bad {
			t.Errorf("%v for %s", got, line)
		}
	}
}
