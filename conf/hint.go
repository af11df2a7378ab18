package conf

import (
	"fmt"
	"strings"
)

func didYouMean(s string) string { return fmt.Sprintf("did you mean \"%s\"?", s) }

// unknownHint says what the writer of an unknown name may have had in mind.
func (t *Table) unknownHint(name string, in Context) string {
	if strings.HasPrefix(name, "\ufeff") {
		return "the file begins with a byte order mark: save it as UTF-8 without one"
	}
	if s := gone(name); s != "" {
		return s
	}
	var names []string
	for n, entries := range t.byName {
		for _, e := range entries {
			if e.In&in != 0 {
				names = append(names, n)
				break
			}
		}
	}
	if s := nearest(name, names); s != "" {
		return didYouMean(s)
	}
	names = names[:0]
	for n, k := range t.known() {
		if k.In&in != 0 {
			names = append(names, n)
		}
	}
	if s := nearest(name, names); s != "" {
		return didYouMean(s)
	}
	names = names[:0]
	for n := range t.byName {
		names = append(names, n)
	}
	if s := nearest(name, names); s != "" {
		return fmt.Sprintf("did you mean \"%s\"? It may not stand here, though", s)
	}
	return ""
}

// nearest returns the name that is most like s, "" when none is. Of equals it is the first by
// alphabet, so that the answer is always the same.
func nearest(s string, names []string) string {
	limit := max(1, (len(s)+1)/4)
	if len(s) > 64 {
		return ""
	}
	best := ""
	for _, n := range names {
		if d := distance(s, n, limit); d < limit || d == limit && (best == "" || n < best) {
			best, limit = n, d
		}
	}
	if len(s) < 2 {
		return ""
	}
	return best
}

// distance is the number of letters to add, drop, replace or swap with a neighbour, limit+1 when
// there are more than limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	var rows [3][]int
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, cur := rows[0], rows[1], rows[2]
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(last[j]+1, cur[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		rows[0], rows[1], rows[2] = last, cur, before
	}
	return min(rows[1][len(b)], limit+1)
}

// gone tells what became of directives that nginx once had.
func gone(name string) string {
	switch name {
	case "ssl":
		return "nginx has it no more: write \"listen 443 ssl\""
	case "limit_zone":
		return "nginx has it no more: use \"limit_conn_zone\""
	case "http2_push", "http2_push_preload", "http2_max_concurrent_pushes":
		return "nginx has server push no more: use \"early_hints\""
	case "http2_max_field_size", "http2_max_header_size":
		return "nginx has it no more: use \"large_client_header_buffers\""
	case "http2_max_requests":
		return "nginx has it no more: use \"keepalive_requests\""
	case "http2_idle_timeout", "http2_recv_timeout":
		return "nginx has it no more: use \"keepalive_timeout\" and \"client_header_timeout\""
	case "spdy_chunk_size", "spdy_headers_comp":
		return "SPDY is gone: use \"http2\""
	case "upstream_conf", "status":
		return "use \"api\""
	case "sticky_cookie_insert":
		return "use \"sticky\""
	case "else", "elsif", "elseif":
		return "there is only \"if\" in nginx"
	}
	return ""
}
