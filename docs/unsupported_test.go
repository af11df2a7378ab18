package docs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/conf"
	"weir/cycle"
)

// family is how many directives with one first word are shown as a family.
const family = 6

// sought are directives in the order in which people miss them, with what they are for and what to do without.
var sought = []struct{ name, purpose, meanwhile string }{
	{"http2", "HTTP/2", "the server that ends TLS in front may speak it; every client speaks HTTP/1.1"},
	{"auth_basic", "passwords", "`allow` and `deny` by address, or the application's own"},
	{"stub_status", "counters", "[the logs](guide/monitoring.md)"},
	{"autoindex", "listings of folders", "a page with links"},
	{"limit_conn", "connections at once", "[`limit_req`](guide/rate-limits.md)"},
	{"auth_request", "asking another server for permission", "the application's own"},
	{"geo", "values by address", "`map $remote_addr`, with regular expressions for networks"},
	{"stream", "TCP and UDP", "another balancer for these ports"},
	{"split_clients", "shares of clients", "`map` of the end of an address or a cookie"},
	{"http3", "HTTP/3", "the server that ends TLS in front may speak it"},
	{"secure_link", "links that expire", "the application's own"},
	{"dav_methods", "WebDAV", "another server behind `proxy_pass`"},
	{"image_filter", "images in other sizes", "another server behind `proxy_pass`"},
	{"js_import", "njs", "`map`, `rewrite`, or the application"},
	{"perl", "Perl", "`map`, `rewrite`, or the application"},
	{"xslt_stylesheet", "XSLT", "the application's own"},
	{"mail", "mail", "another proxy for these ports"},
}

// firstTen is the part of the page about what people look for first, as long as there is any of it.
func firstTen(missing []string) string {
	var b strings.Builder
	n := 0
	for _, s := range sought {
		if n < 10 && slices.Contains(missing, s.name) {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.name, s.purpose, s.meanwhile)
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return "## What people look for first\n\n| directive | for | meanwhile |\n|---|---|---|\n" + b.String() + "\n"
}

// unsupported is the page of nginx's directives that weir refuses, by name or in some places.
func unsupported(table *conf.Table) string {
	var whole, partly []string
	for _, name := range table.Uncovered() {
		var in conf.Context
		for _, e := range table.Entry(name) {
			if e.Support != conf.Missing {
				in |= e.In
			}
		}
		if in == 0 {
			whole = append(whole, name)
			continue
		}
		partly = append(partly, fmt.Sprintf("| `%s` | %s |\n", name, table.Known()[name].In&^in))
	}
	var b strings.Builder
	b.WriteString(`<!-- Generated from the directive table. Do not edit. -->

# What weir does not support yet

These directives are nginx's, and weir knows them: a configuration that has one is refused with its name and its place, never
run without it. Directives of NGINX Plus are not counted.

`)
	b.WriteString(firstTen(whole))
	fmt.Fprintf(&b, "## Directives (%d)\n\n", len(whole))
	for _, f := range families(whole) {
		fmt.Fprintf(&b, "- %s\n", f)
	}
	fmt.Fprintf(&b, "\n## Places (%d)\n\nweir has these directives, but not there:\n\n| directive | not yet in |\n|---|---|\n", len(partly))
	for _, row := range partly {
		b.WriteString(row)
	}
	return b.String()
}

// TestSought finds names in the list that nginx does not have.
func TestSought(t *testing.T) {
	for _, s := range sought {
		if cycle.Table().Known()[s.name] == nil {
			t.Errorf("nginx has no %s", s.name)
		}
	}
}

// families gathers sorted names by their first word; small families come together at the end.
func families(names []string) []string {
	by := map[string][]string{}
	var order, rest []string
	for _, name := range names {
		first, _, _ := strings.Cut(name, "_")
		if by[first] == nil {
			order = append(order, first)
		}
		by[first] = append(by[first], "`"+name+"`")
	}
	var lines []string
	for _, first := range order {
		if len(by[first]) < family {
			rest = append(rest, by[first]...)
			continue
		}
		lines = append(lines, "**"+first+"**: "+strings.Join(by[first], " "))
	}
	slices.Sort(rest)
	if len(rest) > 0 {
		lines = append(lines, "**others**: "+strings.Join(rest, " "))
	}
	return lines
}
