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
//	zone 2r/s burst=1      a new zone
//	at 500ms               sets the clock
//	ask a x3               the last limit of a request: its excess, or "over"
//	first a                an earlier limit: nothing is counted
//	commit a               it is counted after all
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

// began is when the clock of a script begins.
const began = 1_000_000

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
		b.rate, b.burst, b.now = parseRate(words[1]), 0, began
		for _, w := range words[2:] {
			n, err := strconv.Atoi(strings.TrimPrefix(w, "burst="))
			if err != nil {
				t.Fatal(err)
			}
			b.burst = int64(n) * 1000
		}
		b.buckets = someBuckets(t, minZone)
	case "at":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			t.Fatal(err)
		}
		b.now = began + d.Milliseconds()
	case "ask", "first":
		o, excess := b.ask(b.ID([]byte(words[1])), b.now, b.rate, b.burst, words[0] == "ask")
		switch o {
		case over:
			return fmt.Sprintf("over(%d)", excess)
		case fits:
			return fmt.Sprintf("fits(%d)", excess)
		}
		return fmt.Sprint(excess)
	case "commit":
		return fmt.Sprint(b.commit(b.ID([]byte(words[1])), b.now, b.rate))
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

// someBuckets makes a zone that no configuration declares.
func someBuckets(t testing.TB, size int64) *buckets {
	b := newBuckets(size, "$key")
	if err := b.Private(); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBucketsOfManyKeys asks with ten times as many keys as a zone is said to hold, and then with the newest of them again: they must
// be there still, but for a few whose row is crowded.
func TestBucketsOfManyKeys(t *testing.T) {
	const room, size = 1 << 20 / bucketSize, 1 << 20
	b := someBuckets(t, size)
	for i := range 10 * room {
		if o, _ := b.ask(b.ID(fmt.Append(nil, i)), int64(i), 1, 0, true); o != counted {
			t.Fatalf("key %d: %v", i, o)
		}
	}
	lost := 0
	for i := 9 * room; i < 10*room; i++ {
		id := b.ID(fmt.Append(nil, i))
		if b.Lock(id).Look(id) == nil {
			lost++
		}
		b.Unlock(id)
	}
	if lost > room/1000 {
		t.Errorf("%d of the newest %d keys were forgotten", lost, room)
	}
	if o, _ := b.ask(b.ID([]byte("0")), 10*room, 1, 0, false); o != fits {
		t.Error("the oldest key is still there")
	}
}

// TestHalfWritten: a bucket that was being written when the process was killed holds no more than before, and one request.
func TestHalfWritten(t *testing.T) {
	const rate, now = 1000, 5000
	before, after := bucket{at: 2000, excess: 4000}, bucket{at: now, excess: 2000}
	for _, b := range []bucket{{before.at, after.excess}, {after.at, before.excess}} {
		for _, later := range []int64{now, now + 1000, now + 60_000} {
			if e := b.after(later, rate); e < 0 || e > before.excess+1000 {
				t.Errorf("%+v at %d: excess %d", b, later, e)
			}
		}
	}
}

// TestAskAllocatesNothing: a known key and a new one cost no memory.
func TestAskAllocatesNothing(t *testing.T) {
	b := someBuckets(t, minZone)
	key := []byte("key 000")
	n := 0
	if got := testing.AllocsPerRun(1000, func() {
		n++
		key[6], key[5] = byte(n), byte(n>>8)
		b.ask(b.ID(key), int64(n), 1000, 1<<40, true)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkAsk(b *testing.B) {
	t := someBuckets(b, 1<<20)
	key := []byte{127, 0, 0, 1}
	for i := range b.N {
		t.ask(t.ID(key), int64(i), 1_000_000_000, 1<<40, true)
	}
}
