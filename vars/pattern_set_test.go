package vars

import (
	"math/rand"
	"regexp"
	"strings"
	"testing"
)

// randomList makes patterns as lists of user agents have them, and others.
func randomList(rnd *rand.Rand, n int) []string {
	syllables := []string{"bot", "Ab", "c", "-", "_", `\.`, "1", " ", "xx", "B", `\/`}
	forms := []string{"%s", `(?:\b)%s(?:\b)`, `(?:\b)%s(?:\b|)`, `\b%s`, `%s\b`, "^%s", "%s$", "(%s|zz)", "%s+", `\b(?:%s|ab)\b`}
	var all []string
	for range n {
		var text string
		for range 1 + rnd.Intn(3) {
			text += syllables[rnd.Intn(len(syllables))]
		}
		all = append(all, strings.ReplaceAll(forms[rnd.Intn(len(forms))], "%s", text))
	}
	return all
}

// randomAgent makes a text that some of them match.
func randomAgent(rnd *rand.Rand) []byte {
	b := make([]byte, rnd.Intn(12))
	for i := range b {
		b[i] = "bBoOtTaAcx-_.1 /z\xe4"[rnd.Intn(18)]
	}
	return b
}

// TestPlainBorders compares patterns that need no engine with Go's regexp.
func TestPlainBorders(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	plain := 0
	for _, src := range randomList(rnd, 400) {
		fold := rnd.Intn(2) == 0
		p, err := CompilePattern(src, fold)
		if err != nil {
			t.Fatal(err)
		}
		if p.Engine() != "plain" {
			continue
		}
		plain++
		flag := ""
		if fold {
			flag = "(?i)"
		}
		re := regexp.MustCompile(flag + strings.ReplaceAll(src, "$", `\n?$`))
		for range 100 {
			b := randomAgent(rnd)
			got, ok, _ := p.Find(nil, b)
			want := re.FindSubmatchIndex([]byte(strings.ReplaceAll(string(b), "\xe4", "\x00")))
			if ok != (want != nil) || ok && (got[0] != want[0] || got[1] != want[1]) {
				t.Fatalf("%q (fold %v) in %q: %v, want %v", src, fold, b, got, want)
			}
		}
	}
	if plain < 200 {
		t.Errorf("only %d patterns need no engine", plain)
	}
}

// TestPatternSet compares a set with asking one by one.
func TestPatternSet(t *testing.T) {
	rnd := rand.New(rand.NewSource(4))
	for range 60 {
		var all []*Pattern
		for _, src := range randomList(rnd, 1+rnd.Intn(40)) {
			p, err := CompilePattern(src, rnd.Intn(2) == 0)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p)
		}
		set := NewPatternSet(all)
		for range 60 {
			b := randomAgent(rnd)
			want, got := -1, -1
			for i, p := range all {
				if ok, _ := p.Match(b); ok {
					want = i
					break
				}
			}
			set.Find(b, func(i int) bool {
				ok, _ := all[i].Match(b)
				if ok {
					got = i
				}
				return ok
			})
			if got != want {
				t.Fatalf("%q: pattern %d, want %d", b, got, want)
			}
		}
	}
}

// TestRecognisedText reads patterns that must not be taken for plain text.
func TestRecognisedText(t *testing.T) {
	for src, want := range map[string]bool{
		"bot": true, `a\.b`: true, `a\/b\-c\ d`: true, `(?:\b)x(?:\b)`: true, `(?:\b)x(?:\b|)`: true, "caf\xc3\xa9": true, `a\_b`: true,
		"": false, `(?:\b)`: false, "a.b": false, `\d`: false, `a\1`: false, `a\`: false, "a|b": false, "x{2}": false, "[a]": false, "^a": false, "a$": false, `\Qa`: false,
	} {
		if got := recogniseText(src, true) != nil; got != want {
			t.Errorf("%q: %v", src, got)
		}
	}
}

// BenchmarkBadBots asks a map of thousands of user agents.
func BenchmarkBadBots(b *testing.B) {
	rnd := rand.New(rand.NewSource(5))
	var all []*Pattern
	for range 6000 {
		name := make([]byte, 5+rnd.Intn(8))
		for i := range name {
			name[i] = "abcdefghijklmnopqrstuvwxyz"[rnd.Intn(26)]
		}
		p, err := CompilePattern(`(?:\b)`+string(name)+`(?:\b)`, true)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, p)
	}
	set := NewPatternSet(all)
	agent := []byte("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36")
	b.ReportAllocs()
	for b.Loop() {
		set.Find(agent, func(int) bool { b.Fatal("found"); return true })
	}
}
