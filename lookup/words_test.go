package lookup

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// TestWords holds words to a map.
func TestWords(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	var w words
	numbers := map[string]uint32{}
	if _, ok := w.find(nil); ok {
		t.Error("found something in nothing")
	}
	for range 20000 {
		text := fmt.Sprint(random.Intn(5000)) + strings.Repeat("x", random.Intn(3)*random.Intn(200))
		if random.Intn(1000) == 0 {
			text = strings.Repeat("y", random.Intn(4096))
		}
		want, had := numbers[text]
		if got, ok := w.find([]byte(text)); ok != had || ok && got != want {
			t.Fatalf("find(%q) = %d, %v; want %d, %v", text, got, ok, want, had)
		}
		if !had {
			want = uint32(len(numbers))
			numbers[text] = want
		}
		if got, added := w.add(text); got != want || added == had {
			t.Fatalf("add(%q) = %d, %v; want %d, %v", text, got, added, want, !had)
		}
	}
	for text, n := range numbers {
		if got := w.text(n); string(got) != text {
			t.Fatalf("text(%d) = %q, want %q", n, got, text)
		}
	}
}
