package access

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the answers into testdata")

// TestBuckets runs the texts of testdata/limit_req.txt: what a zone is asked, on a clock that only the
// text moves, and what it answers.
//
//	zone 2r/s burst=1 keys=3     a new zone
//	at 500ms                     sets the clock
//	ask a x3                     the last limit of a request: its excess, or "over"
//	hold a                       an earlier limit: the bucket is held
//	commit a, letgo a            ends a hold
func TestBuckets(t *testing.T) {
	const file = "testdata/limit_req.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	b := &bucketScript{}
	for _, part := range strings.Split(strings.TrimRight(string(text), "\n"), "\n\n") {
		commands, _, _ := strings.Cut(part, "\n----\n")
		var answers []string
		for line := range strings.Lines(commands) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if a := b.do(t, strings.Fields(line)); a != "" {
				answers = append(answers, a)
			}
		}
		if len(answers) > 0 {
			commands += "\n----\n" + strings.Join(answers, "\n")
		}
		if !*update && commands != part {
			t.Errorf("have:\n%s\n\nwant:\n%s", commands, part)
		}
		out = append(out, commands)
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// bucketScript is a zone being asked.
type bucketScript struct {
	*buckets
	rate, burst, now int64
}

func (b *bucketScript) do(t *testing.T, words []string) string {
	t.Helper()
	n := 1
	if last := words[len(words)-1]; strings.HasPrefix(last, "x") && len(words) > 2 {
		n, _ = strconv.Atoi(last[1:])
	}
	var answers []string
	for range n {
		answers = append(answers, b.once(t, words))
	}
	return strings.TrimSpace(strings.Join(answers, " "))
}

func (b *bucketScript) once(t *testing.T, words []string) string {
	switch words[0] {
	case "zone":
		keys := 10
		b.rate, b.burst, b.now = parseRate(words[1]), 0, 0
		for _, w := range words[2:] {
			name, value, _ := strings.Cut(w, "=")
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			switch name {
			case "burst":
				b.burst = int64(n) * 1000
			case "keys":
				keys = n
			}
		}
		b.buckets = newBuckets(int64(keys) * bucketSize)
	case "at":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatal(err)
		}
		b.now = d.Milliseconds()
	case "ask", "hold":
		o, excess, _ := b.ask(b.id([]byte(words[1])), b.now, b.rate, b.burst, words[0] == "ask")
		switch o {
		case over:
			return fmt.Sprintf("over(%d)", excess)
		case noRoom:
			return "no room"
		case holding:
			return fmt.Sprintf("held(%d)", excess)
		}
		return fmt.Sprint(excess)
	case "commit":
		return fmt.Sprint(b.commit(b.find(b.id([]byte(words[1]))), b.now, b.rate))
	case "letgo":
		b.letGo(b.find(b.id([]byte(words[1]))))
	default:
		t.Fatalf("no command %q", words[0])
	}
	return ""
}

func TestParseRate(t *testing.T) {
	for s, want := range map[string]int64{"1r/s": 1000, "10r/s": 10000, "1r/m": 16, "30r/m": 500, "60r/m": 1000, "5": 5000} {
		if got := parseRate(s); got != want {
			t.Errorf("parseRate(%q) = %d, want %d", s, got, want)
		}
	}
}

// TestBucketsKeepTheirSize asks with many more keys than there is room for, and then with the newest
// again: they must all be there still, in one chain each.
func TestBucketsKeepTheirSize(t *testing.T) {
	const room = 1000
	b := newBuckets(room * bucketSize)
	for i := range 10 * room {
		if o, _, _ := b.ask(b.id(fmt.Append(nil, i)), int64(i), 1, 0, true); o != counted {
			t.Fatalf("key %d: %v", i, o)
		}
	}
	for i := 9 * room; i < 10*room; i++ {
		if o, _, _ := b.ask(b.id(fmt.Append(nil, i)), 10*room, 1, 0, true); o != over {
			t.Errorf("key %d was forgotten", i)
		}
	}
	if b.find(b.id([]byte("0"))) != 0 {
		t.Error("the oldest key is still there")
	}
}

// TestAskAllocatesNothing: a known key and a new one cost no memory.
func TestAskAllocatesNothing(t *testing.T) {
	b := newBuckets(100 * bucketSize)
	key := []byte("key 000")
	n := 0
	if got := testing.AllocsPerRun(1000, func() {
		n++
		key[6] = byte(n)
		b.ask(b.id(key), int64(n), 1000, 1<<40, true)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkAsk(b *testing.B) {
	t := newBuckets(1 << 20)
	key := []byte{127, 0, 0, 1}
	for i := range b.N {
		t.ask(t.id(key), int64(i), 1_000_000_000, 1<<40, true)
	}
}
