package conf

import (
	"fmt"
	"slices"
	"strings"
)

func didYouMean(s string) string { return fmt.Sprintf("did you mean \"%s\"?", s) }

// guess says what the writer of a directive may have had in mind, where its error does not say so.
func (d *Diagnostics) guess(g *Diagnostic) string {
	if d.table == nil {
		return ""
	}
	if s := d.table.forgotten(d.tree, g.node); s != "" {
		return s
	}
	e := g.node.entry
	if e == nil || g.arg < 0 || g.arg+1 >= len(g.node.Words) || g.Level == "warn" {
		return ""
	}
	if s := e.otherUnit(g.node, g.arg); s != "" {
		return didYouMean(s)
	}
	key, _, ok := strings.Cut(g.node.Words[g.arg+1].Text, "=")
	if ok {
		key += "="
	}
	if s := nearest(key, e.grammar.words()); s != "" && s != key {
		return didYouMean(s)
	}
	return ""
}

// forgotten guesses at a missing ";" or "{": an argument that begins a line and is a directive's name here.
func (t *Table) forgotten(tree *Tree, n *Node) string {
	i := t.swallowed(tree, n)
	if i < 0 {
		return ""
	}
	mark := ";"
	if n.entry != nil && n.entry.HasBlock() && n.Block == nil {
		mark = "{"
	}
	return fmt.Sprintf("is a \"%s\" missing at the end of line %d?", mark, tree.Position(n.Words[i].Pos).Line)
}

// swallowed is the number of the argument that may be the next directive, -1 when there is none.
func (t *Table) swallowed(tree *Tree, n *Node) int {
	if len(n.Words) < 2 || n.In == nil || n.In.Context.IsFree() || n.Words[0].Pos.File != n.End.File {
		return -1
	}
	in := n.In.Context
	if n.entry != nil && n.Block == nil {
		in |= n.entry.Opens
	}
	text := tree.Files[n.End.File].Text
	if strings.IndexByte(text[n.Words[0].Pos.Off:n.Words[len(n.Words)-1].Pos.Off], '\n') < 0 {
		return -1 // nearly always
	}
	for i, w := range n.Words[1:] {
		before := n.Words[i]
		between := text[before.Pos.Off+before.Len : w.Pos.Off]
		if !w.Quoted && strings.IndexByte(between, '\n') >= 0 && t.places(w.Text)&in != 0 {
			return i
		}
	}
	return -1
}

// otherUnit is argument arg with the unit that nginx has for what was written: "10m" for "10mb". It is empty where
// that would be no better.
func (e *Entry) otherUnit(n *Node, arg int) string {
	word := n.Words[arg+1].Text
	digits := strings.TrimLeft(word, "0123456789")
	number := word[:len(word)-len(digits)]
	unit, ok := nginxUnit(strings.TrimSpace(digits))
	if number == "" || !ok || e.grammar.free() {
		return ""
	}
	args := slices.Clone(n.Args())
	args[arg].Text = number + unit
	if _, bad := e.grammar.match(e.Name, args); bad != nil && bad.arg == arg {
		return ""
	}
	return number + unit
}

// nginxUnit is nginx's letter for a unit as people write it elsewhere.
func nginxUnit(s string) (letter string, ok bool) {
	for _, u := range [...][2]string{
		{"", "b byte bytes"},
		{"k", "kb kib"},
		{"m", "mb mib"},
		{"g", "gb gib"},
		{"ms", "msec"},
		{"s", "sec secs second seconds"},
		{"m", "min mins minute minutes"},
		{"h", "hr hour hours"},
		{"d", "day days"},
		{"w", "week weeks"},
		{"M", "month months"},
		{"y", "year years"},
	} {
		if slices.Contains(strings.Fields(u[1]), strings.ToLower(s)) {
			return u[0], true
		}
	}
	return "", false
}

// unknownHint says what the writer of an unknown name may have had in mind.
func (t *Table) unknownHint(name string, in Context) string {
	if strings.HasPrefix(name, "\ufeff") {
		return "the file begins with a byte order mark: save it as UTF-8 without one"
	}
	if strings.Contains(name, "_by_lua") {
		return "it is of nginx's Lua module; weir has no Lua"
	}
	if s := t.gone(name); s != "" {
		return s
	}
	if s := nearest(name, t.names(in)); s != "" {
		return didYouMean(s)
	}
	var names []string
	for n, k := range t.known() {
		if k.In&in != 0 {
			names = append(names, n)
		}
	}
	if s := nearest(name, names); s != "" {
		return didYouMean(s) + " weir does not have it yet"
	}
	if s := nearest(name, t.names(Any)); s != "" {
		return fmt.Sprintf("did you mean \"%s\"? It may not stand here, though", s)
	}
	return ""
}

// names are the directives that weir has in some of the places.
func (t *Table) names(in Context) []string {
	var names []string
	for n, entries := range t.byName {
		if slices.ContainsFunc(entries, func(e *Entry) bool { return e.In&in != 0 && e.Support != Missing }) {
			names = append(names, n)
		}
	}
	return names
}

// placeHint says where a directive may stand, among the places that weir has.
func (t *Table) placeHint(name string) string {
	var have, elsewhere Context
	for _, e := range t.byName[name] {
		have |= e.In
	}
	if k := t.known()[name]; k != nil {
		elsewhere = k.In &^ have
	}
	switch {
	case have != 0:
		return "it may stand in " + have.String()
	case elsewhere&t.contexts() != 0:
		return "nginx has it in " + (elsewhere & t.contexts()).String() + "; weir does not have it yet"
	}
	return "weir does not have it yet"
}

// contexts are the places that some directive of the table opens.
func (t *Table) contexts() Context {
	in := Main
	for _, m := range t.modules {
		for _, e := range m.Entries {
			in |= e.Opens
		}
	}
	return in
}

// DidYouMean asks whether one of names was meant where word stands; empty when none is near.
func DidYouMean(word string, names []string) string {
	if s := nearest(word, names); s != "" {
		return didYouMean(s)
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

// gone reports what became of directives that nginx once had. It advises nothing that weir would refuse.
func (t *Table) gone(name string) string {
	was := map[string]struct{ how, needs string }{
		"ssl":                         {"write \"listen 443 ssl\"", "ssl_certificate"},
		"limit_zone":                  {"use \"limit_conn_zone\"", "limit_conn_zone"},
		"http2_push":                  {"use \"early_hints\"", "early_hints"},
		"http2_push_preload":          {"use \"early_hints\"", "early_hints"},
		"http2_max_concurrent_pushes": {"use \"early_hints\"", "early_hints"},
		"http2_max_field_size":        {"use \"large_client_header_buffers\"", "large_client_header_buffers"},
		"http2_max_header_size":       {"use \"large_client_header_buffers\"", "large_client_header_buffers"},
		"http2_max_requests":          {"use \"keepalive_requests\"", "keepalive_requests"},
		"http2_idle_timeout":          {"use \"keepalive_timeout\"", "keepalive_timeout"},
		"http2_recv_timeout":          {"use \"client_header_timeout\"", "client_header_timeout"},
		"spdy_chunk_size":             {"SPDY became HTTP/2: use \"http2\"", "http2"},
		"spdy_headers_comp":           {"SPDY became HTTP/2: use \"http2\"", "http2"},
		"upstream_conf":               {"use \"api\"", "api"},
		"status":                      {"use \"api\"", "api"},
		"sticky_cookie_insert":        {"use \"sticky\"", "sticky"},
	}[name]
	switch {
	case name == "else" || name == "elsif" || name == "elseif":
		return "there is only \"if\" in nginx"
	case was.how == "":
		return ""
	case len(t.byName[was.needs]) == 0:
		return "nginx has it no more, and weir does not have what took its place yet"
	}
	return "nginx has it no more: " + was.how
}
