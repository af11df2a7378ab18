package filter

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// subReference replaces in a text as it stands, the plain way: at each place the texts are tried in their order. Where what is left may be
// the beginning of a text that comes before one that fits, nginx waits for more, and at the end passes on what it has.
func subReference(text string, match, value []string, once bool) string {
	shortest := len(match[0])
	for _, m := range match {
		shortest = min(shortest, len(m))
	}
	used := make([]bool, len(match))
	lower := strings.ToLower(text)
	var out strings.Builder
	at := 0
place:
	for at+shortest <= len(text) {
		for i, m := range match {
			switch rest := lower[at:]; {
			case once && used[i]:
			case strings.HasPrefix(rest, m):
				out.WriteString(value[i])
				used[i] = true
				at += len(m)
				continue place
			case strings.HasPrefix(m, rest):
				return out.String() + text[at:]
			}
		}
		out.WriteByte(text[at])
		at++
	}
	return out.String() + text[at:]
}

// subInParts has texts replaced in one that comes in parts.
func subInParts(parts, match, value []string, once bool) string {
	var texts [][]byte
	for _, m := range match {
		texts = append(texts, []byte(m))
	}
	t := &subText{search: newSubSearch(texts), once: once, used: make([]bool, len(match))}
	w := &subWriter{values: value}
	for _, p := range parts {
		own := []byte(p)
		t.look(own, w)
		clear(own) // what is held is a copy
	}
	t.rest(w)
	return w.String()
}

// subWriter is a sink that writes it all down.
type subWriter struct {
	strings.Builder
	values []string
}

func (w *subWriter) lent(part []byte)       { w.Write(part) }
func (w *subWriter) copied(part []byte)     { w.Write(part) }
func (w *subWriter) match(text int, _ bool) { w.WriteString(w.values[text]) }

func TestSubAcrossBorders(t *testing.T) {
	for _, tt := range []struct {
		text         string
		match, value []string
	}{
		{"xabcabcdx", []string{"abc"}, []string{"1"}},
		{"xABcabCdx", []string{"abcd", "abc"}, []string{"1", "2"}},
		{"aaaaab", []string{"aab", "ab"}, []string{"1", "2"}},
		{"abababc", []string{"ababc", "b"}, []string{"1", "2"}},
		{"xabcd", []string{"abcdef", "abc"}, []string{"1", "2"}},
		{"the end: a", []string{"ab", "a"}, []string{"1", "2"}},
		{"aaa", []string{"a"}, []string{""}},
		{strings.Repeat("ab", 300) + "c", []string{strings.Repeat("ab", 200) + "c", "bab"}, []string{"1", "2"}},
	} {
		for _, once := range []bool{false, true} {
			want := subReference(tt.text, tt.match, tt.value, once)
			for i := range len(tt.text) + 1 {
				for _, parts := range [][]string{{tt.text[:i], tt.text[i:]}, strings.Split(tt.text, "")} {
					if got := subInParts(parts, tt.match, tt.value, once); got != want {
						t.Fatalf("%q in %q for %q, once %v: %q, want %q", parts, tt.value, tt.match, once, got, want)
					}
				}
			}
		}
	}
}

// TestSubAtRandom holds bodies of few letters, cut anywhere, against the reference.
func TestSubAtRandom(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	word := func(least, most int) string {
		b := make([]byte, least+random.IntN(most-least+1))
		for i := range b {
			b[i] = "abcAB"[random.IntN(5)]
		}
		return string(b)
	}
	for range 20000 {
		var match, value []string
		for i := range 1 + random.IntN(4) {
			match = append(match, strings.ToLower(word(1, 1+random.IntN(6))))
			value = append(value, fmt.Sprint("<", i, ">"))
		}
		text, once := word(0, 40), random.IntN(3) == 0
		var parts []string
		for rest := text; ; {
			n := random.IntN(min(len(rest), 8) + 1)
			parts, rest = append(parts, rest[:n]), rest[n:]
			if rest == "" {
				break
			}
		}
		want := subReference(text, match, value, once)
		if got := subInParts(parts, match, value, once); got != want {
			t.Fatalf("seed %d: %q for %q, once %v: %q, want %q", seed, parts, match, once, got, want)
		}
	}
}
