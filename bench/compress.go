package main

import (
	"fmt"
	"math/rand"
	"strings"
)

// page is the name of a file that is text, as pages are: 100 KB of HTML.
const page = "page.html"

// htmlPage makes the page: words of a language, some more often than others, in a table with the marks that pages have.
func htmlPage() []byte {
	rnd := rand.New(rand.NewSource(1))
	syllables := strings.Fields("an be co da en fi go ha in jo ka le mi no or pe qua re si to ut ve wo xi ya zu ster ing lich tion")
	words := make([]string, 1500)
	for i := range words {
		for range 1 + rnd.Intn(4) {
			words[i] += syllables[rnd.Intn(len(syllables))]
		}
	}
	word := func() string { return words[min(rnd.Intn(len(words)), rnd.Intn(len(words)))] }
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>A page</title></head>\n<body>\n<table class=\"list\">\n")
	for row := 1; b.Len() < 100<<10; row++ {
		fmt.Fprintf(&b, "  <tr id=\"row-%d\" class=\"%s\">\n    <td><a href=\"/articles/%s/%d?from=list\">%s %s</a></td>\n    <td>", row, []string{"odd", "even"}[row%2], word(), rnd.Intn(1e6), word(), word())
		for range 8 + rnd.Intn(20) {
			b.WriteString(word() + " ")
		}
		fmt.Fprintf(&b, "</td>\n    <td class=\"number\">%d.%02d</td>\n  </tr>\n", rnd.Intn(1000), rnd.Intn(100))
	}
	b.WriteString("</table>\n</body>\n</html>\n")
	return []byte(b.String())
}

// compressing are works in which a page is compressed.
func compressing() []work {
	with := func(coding, directives string, of func(server) bool) func(server) server {
		return func(sv server) server {
			if !of(sv) {
				return server{}
			}
			return nginxLike(sv.name, sv.bin, coding+" on; "+directives)
		}
	}
	all := func(server) bool { return true }
	weir := func(sv server) bool { return sv.name == "weir" }
	dynamic := func(coding string) loader { return wrk("/origin/"+page, 8, "Accept-Encoding: "+coding) }
	return []work{
		{name: "gzip1", what: "a page of 100 KB from the origin, compressed for each request: gzip, level 1", static: true, load: dynamic("gzip"), as: with("gzip", "gzip_proxied any; gzip_comp_level 1;", all)},
		{name: "gzip6", what: "the same at level 6", static: true, load: dynamic("gzip"), as: with("gzip", "gzip_proxied any; gzip_comp_level 6;", all)},
		{name: "gzipfile", what: "a file of 100 KB of HTML, gzip, level 6", static: true, load: wrk("/"+page, 32, "Accept-Encoding: gzip"), as: with("gzip", "gzip_comp_level 6;", all)},
		{name: "brotli", what: "a page of 100 KB from the origin, compressed for each request: brotli, as it comes (weir only)", static: true, load: dynamic("br"), as: with("brotli", "", weir)},
		{name: "zstd", what: "the same by zstd (weir only)", static: true, load: dynamic("zstd"), as: with("zstd", "", weir)},
		{name: "brotlifile", what: "a file of 100 KB of HTML, brotli (weir only)", static: true, load: wrk("/"+page, 32, "Accept-Encoding: br"), as: with("brotli", "", weir)},
	}
}
