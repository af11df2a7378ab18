package filter

import (
	"fmt"
	"strings"
	"testing"
)

// scanned is what a scanner makes of a page that comes in pieces: text as it is, commands in brackets,
// faults as the sentence for the log.
func scanned(pieces ...string) string {
	var s scanner
	s.reset(20)
	var b strings.Builder
	for _, p := range pieces {
		for rest := []byte(p); len(rest) > 0; {
			mark, text, left, ev := s.next(rest)
			b.WriteString(ssiMark[:mark])
			b.Write(text)
			rest = left
			switch ev {
			case ssiCommand:
				fmt.Fprintf(&b, "[%s", s.name)
				for _, p := range s.params {
					fmt.Fprintf(&b, " %s=%c%s%c", p.name, p.quote, p.value, p.quote)
				}
				b.WriteByte(']')
			case ssiFault:
				fmt.Fprintf(&b, "{%s", s.fault)
			case ssiSkipped:
				b.WriteByte('}')
			}
		}
	}
	return b.String()
}

var scanCases = []struct{ name, page, want string }{
	{"no commands", "a <!-- b --> <b>c</b>", "a <!-- b --> <b>c</b>"},
	{"echo", `a<!--#echo var="b" -->c`, `a[echo var="b"]c`},
	{"no space before the end", `<!--#echo var="b"-->`, `[echo var="b"]`},
	{"any space", "<!--#\r\n\techo \n var\t=\n\"b\"\r-->", `[echo var="b"]`},
	{"no parameters", `<!--#endif-->`, `[endif]`},
	{"several parameters", `<!--#a b="1" c='2' -->`, `[a b="1" c='2']`},
	{"quotes in quotes", `<!--#a b="'" c='"' -->`, `[a b="'" c='"']`},
	{"an end in quotes", `<!--#a b="-->" -->`, `[a b="-->"]`},
	{"backslashes stay", `<!--#a b="\"\\" c='\'' -->`, `[a b="\"\\" c='\'']`},
	{"two in a row", `<!--#a --><!--#b -->`, `[a][b]`},
	{"a beginning that is none", `<!-<!--<!--#a -->`, `<!-<!--[a]`},
	{"two brackets", `<<!--#a -->`, `<[a]`},
	{"no bracket after all", `<!--x #a -->`, `<!--x #a -->`},
	{"an open beginning is dropped", `a<!-`, `a`},
	{"an open command is dropped", `a<!--#echo var="b`, `a`},
	{"empty", `a<!--#-->b`, `a{unexpected ">" symbol in "-" SSI command`},
	{"dash in a name", `<!--#ec-ho -->a-->b`, `{unexpected "h" symbol in "ec" SSI command}a-->b`},
	{"no value", `<!--#a b -->c`, `{unexpected "-" symbol after "b" parameter in "a" SSI command}c`},
	{"no value at once", `<!--#a b-->c`, `{unexpected "-" symbol after "b" parameter in "a" SSI command}c`},
	{"no quotes", `<!--#a b=c -->d`, `{unexpected "c" symbol before value of "b" parameter in "a" SSI command}d`},
	{"nothing between", `<!--#a b="c"d="e" -->f`, `{unexpected "d" symbol after "c" value of "b" parameter in "a" SSI command}f`},
	{"third dash", `<!--#a --->b-->c`, `{unexpected "-" symbol in "a" SSI command}c`},
	{"three dashes behind a fault", `<!--#a - --->b-->c`, `{unexpected " " symbol in "a" SSI command}c`},
	{"quotes behind a fault mean nothing", `<!--#a - "-->"`, `{unexpected " " symbol in "a" SSI command}"`},
	{"longest value", `<!--#a b="12345678901234567890" -->`, `[a b="12345678901234567890"]`},
	{"too long a value", `<!--#a b="123456789012345678901" -->`, `{too long "123456789012345678901..." value of "b" parameter in "a" SSI command}`},
	{"too long a name", `<!--#` + strings.Repeat("a", 33) + ` -->`, `{the "` + strings.Repeat("a", 33) + `..." SSI command is too long}`},
	{"too long a parameter", `<!--#x ` + strings.Repeat("a", 33) + `="" -->`, `{too long "` + strings.Repeat("a", 33) + `..." parameter in "x" SSI command}`},
	{"too many parameters", `<!--#x` + strings.Repeat(` a=""`, 17) + ` -->`, `{too many SSI command parameters: "x"}`},
	{"as many as may be", `<!--#x` + strings.Repeat(` a=""`, 16) + ` -->`, `[x` + strings.Repeat(` a=""`, 16) + `]`},
}

func TestScanner(t *testing.T) {
	for _, c := range scanCases {
		if got := scanned(c.page); got != c.want {
			t.Errorf("%s: %s\ngot  %s\nwant %s", c.name, c.page, got, c.want)
		}
	}
}

// TestScannerCut feeds every page in two pieces, cut at every byte, and byte by byte.
func TestScannerCut(t *testing.T) {
	for _, c := range scanCases {
		for i := range len(c.page) + 1 {
			if got := scanned(c.page[:i], c.page[i:]); got != c.want {
				t.Errorf("%s, cut at %d: %s\ngot  %s\nwant %s", c.name, i, c.page, got, c.want)
			}
		}
		if got := scanned(strings.Split(c.page, "")...); got != c.want {
			t.Errorf("%s, byte by byte: %s\ngot  %s\nwant %s", c.name, c.page, got, c.want)
		}
	}
}

// FuzzScanner asks that cuts change nothing, and that pages without commands come out as they are.
func FuzzScanner(f *testing.F) {
	for _, c := range scanCases {
		f.Add(c.page, len(c.page)/2, len(c.page)/3)
	}
	f.Fuzz(func(t *testing.T, page string, i, k int) {
		whole := scanned(page)
		i = min(max(i, 0), len(page))
		k = min(max(k, 0), i)
		if cut := scanned(page[:k], page[k:i], page[i:]); cut != whole {
			t.Errorf("%q cut at %d and %d:\ngot  %s\nwant %s", page, k, i, cut, whole)
		}
		if !strings.Contains(page, "<") && whole != page {
			t.Errorf("%q has become %q", page, whole)
		}
	})
}
