package filter_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"weir/weirtest/inside"
)

// TestRandomRanges asks for parts of a body at random, and holds every byte of them against a reference that knows no more than RFC 9110.
func TestRandomRanges(t *testing.T) {
	s := inside.New(t, `server { listen 127.0.0.1:1; }`, filters()...)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	for range 3000 {
		n := 1 + random.IntN(30)
		body := "abcdefghijklmnopqrstuvwxyz0123456789"[:n]
		var specs []string
		for range 1 + random.IntN(4) {
			switch a, b := random.IntN(n+3), random.IntN(n+3); random.IntN(4) {
			case 0:
				specs = append(specs, fmt.Sprintf("%d-", a))
			case 1:
				specs = append(specs, fmt.Sprintf("-%d", a))
			default:
				specs = append(specs, fmt.Sprintf("%d-%d", min(a, b), max(a, b)))
			}
		}
		ask := inside.Ask{Target: "/", Fields: []string{"Range: bytes=" + strings.Join(specs, ",")}}
		ask.Content.Ranges = true
		var at []int
		if len(specs) == 1 { // several are cut out of a body that comes in one part
			at = cuts(random, n)
		}
		got := s.Cut(ask, body, nil, inside.Kind(random.IntN(3)), at...)
		status, parts := rangesOf(specs, n)
		if got.Status != status || !got.Ended {
			t.Fatalf("seed %d: %q of %d bytes: %d, ended %v; want %d", seed, specs, n, got.Status, got.Ended, status)
		}
		if want := rangeBody(got.Head, body, status, parts); got.Body != want && status != 416 {
			t.Fatalf("seed %d: %q of %q:\n%s\nwant\n%s", seed, specs, body, got.Body, want)
		}
	}
}

// cuts are places to cut n bytes at, in order.
func cuts(random *rand.Rand, n int) (at []int) {
	for i := range n + 1 {
		if random.IntN(4) == 0 {
			at = append(at, i)
		}
	}
	return at
}

// rangesOf says what comes of ranges of a body: the status, and from where to where each part of a 206 goes.
func rangesOf(specs []string, n int) (status int, parts [][2]int) {
	total := 0
	for _, spec := range specs {
		first, last, _ := strings.Cut(spec, "-")
		from, to := 0, n
		switch {
		case first == "":
			suffix := 0
			_, _ = fmt.Sscan(last, &suffix)
			from = max(n-suffix, 0)
		case last == "":
			_, _ = fmt.Sscan(first, &from)
		default:
			_, _ = fmt.Sscan(first, &from)
			_, _ = fmt.Sscan(last, &to)
			to = min(to+1, n)
		}
		if from < to {
			parts = append(parts, [2]int{from, to})
			total += to - from
		}
	}
	switch {
	case len(parts) == 0:
		return 416, nil
	case total > n:
		return 200, nil
	}
	return 206, parts
}

// rangeBody is the body of an answer with these parts. The head tells the boundary between several.
func rangeBody(head, body string, status int, parts [][2]int) string {
	if status == 200 {
		return body
	}
	if len(parts) == 1 {
		return body[parts[0][0]:parts[0][1]]
	}
	_, boundary, _ := strings.Cut(head, "boundary=")
	boundary, _, _ = strings.Cut(boundary, "\n")
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: text/html\r\nContent-Range: bytes %d-%d/%d\r\n\r\n%s", boundary, p[0], p[1]-1, len(body), body[p[0]:p[1]])
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return b.String()
}

// TestRandomChains has pages made of what filters look for go through chains of filters, cut at random: whatever the parts and wherever
// they are, what comes out is what comes of the page in one piece; and what is packed is that, too.
func TestRandomChains(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 2))
	for range 40 {
		block, some := chain(random)
		s := inside.New(t, block, filters()...)
		for range 25 {
			page, packed := pageOf(random), random.IntN(3) == 0
			ask := inside.Ask{Target: "/p?a=bab"}
			ask.Content.Length = int64(-random.IntN(2))
			body := page
			if packed {
				body = inside.Pack(page)
				ask.Content.Fields = []string{"Content-Encoding: gzip"}
			}
			want := s.Cut(ask, body, some, inside.Borrowed)
			for range 4 {
				at := cuts(random, len(body))
				if got := s.Cut(ask, body, some, inside.Kind(random.IntN(3)), at...); got != want {
					t.Fatalf("seed %d: %s\n%q, packed %v, cut at %v:\n%s\nwhole:\n%s", seed, block, page, packed, at, got, want)
				}
			}
			ask.Fields = []string{"Accept-Encoding: br;q=0.1, zstd;q=0.1, gzip;q=0.1"}
			if packed {
				continue // it may be left as it is
			}
			small := s.Cut(ask, body, some, inside.Kind(random.IntN(3)), cuts(random, len(body))...)
			if text, err := inside.Unpack(small.Head, small.Body); err != nil || text != want.Body || small.Ended != want.Ended {
				t.Fatalf("seed %d: %s\n%q, unpacked: %v\n%s\nplain:\n%s", seed, block, page, err, text, want.Body)
			}
		}
	}
}

// chain is a server with some of the filters, and what other URIs have for those that ask.
func chain(random *rand.Rand) (block string, at map[string]string) {
	all := []string{
		"gunzip on;", "sub_filter ab <AB>; sub_filter bba ''; sub_filter_once off;", "sub_filter a b;", "ssi on;",
		"charset koi8-r; source_charset utf-8;", "add_before_body /before; add_after_body /after;", "gzip on; gzip_min_length 0;",
		"brotli on; brotli_min_length 0;", "zstd on; zstd_min_length 0;",
	}
	var b strings.Builder
	b.WriteString("charset_map koi8-r utf-8 { C1 D0B0; C2 D0B1; }\nserver { listen 127.0.0.1:1;\n")
	had := map[string]bool{}
	for _, line := range all {
		word, _, _ := strings.Cut(line, " ")
		if !had[word] && random.IntN(2) == 0 {
			b.WriteString(line + "\n")
			had[word] = true
		}
	}
	b.WriteString("}")
	return b.String(), map[string]string{"/before": "<ab", "/after": "ba>", "/in": "[a\u0430b]"}
}

// pageOf is a page of pieces that filters look for.
func pageOf(random *rand.Rand) string {
	pieces := []string{
		"a", "b", "ab", "bb", "ba", " ", "\u0430", "\u0431", "\u20ac", "\xd0", "\xe2\x94", `<!--#echo var="arg_a" -->`, `<!--#include virtual="/in" -->`,
		`<!--#if expr="$arg_a = bab" -->`, `<!--#else -->`, `<!--#endif -->`, `<!--#set var="v" value="ab" -->`, `<!--#echo var="v" -->`, "<!--", "<!--#", "-->", "\n",
	}
	var b strings.Builder
	for range random.IntN(20) {
		b.WriteString(pieces[random.IntN(len(pieces))])
	}
	return b.String()
}
