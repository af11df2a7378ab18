package filter_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"weir/http"
	"weir/http/filter"
	"weir/weirtest/inside"
)

// TestRandomSlices has responses put together of slices of all sizes, each of which comes cut anywhere, and holds what the client gets, whole or
// in part, against the body itself. No slice is asked for twice, and none behind what the client wants.
func TestRandomSlices(t *testing.T) {
	const sizes = 12
	block := ""
	for i := range sizes {
		block += fmt.Sprintf("server { listen 127.0.0.1:1; server_name s%d; slice %d; add_header X-Range $slice_range; }\n", i+1, i+1)
	}
	s := inside.New(t, block, filter.Slice, filter.NotModified, filter.Headers, filter.Range)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	for range 1500 {
		length, size := 1+random.IntN(30), 1+random.IntN(sizes)
		body := "abcdefghijklmnopqrstuvwxyz0123456789"[:length]
		peer := &slicePeer{s: s, body: body, random: random, asked: map[int]int{}}
		ask := inside.Ask{Target: "/", Host: fmt.Sprint("s", size), Answer: peer.answer}
		status, want, first, end := 200, body, 0, length
		if random.IntN(4) > 0 {
			a, b := random.IntN(length+2), random.IntN(length+2)
			spec := []string{fmt.Sprintf("%d-%d", min(a, b), max(a, b)), fmt.Sprintf("%d-", a), fmt.Sprintf("-%d", a)}[random.IntN(3)]
			ask.Fields = []string{"Range: bytes=" + spec}
			var parts [][2]int
			if status, parts = rangesOf([]string{spec}, length); status == 206 {
				first, end = parts[0][0], parts[0][1]
				want = body[first:end]
			}
			if spec[0] == '-' {
				first = 0 // where it begins is not known before the length is
			}
		}
		got := s.Do(ask)
		if got.Status != status || !got.Ended || status < 400 && got.Body != want {
			t.Fatalf("seed %d: %v of %d bytes in slices of %d: %d %q, ended %v; want %d %q\n%s", seed, ask.Fields, length, size, got.Status, got.Body, got.Ended, status, want, got.Log)
		}
		for from, n := range peer.asked {
			if n > 1 || status == 206 && (from+size <= first || from >= end) {
				t.Errorf("seed %d: %v of %d bytes in slices of %d: the one from %d was asked for %d times", seed, ask.Fields, length, size, from, n)
			}
		}
	}
}

// A slicePeer answers with the range that it is asked for.
type slicePeer struct {
	s      *inside.Server
	body   string
	random *rand.Rand
	asked  map[int]int // how often, by where it begins
}

func (p *slicePeer) answer(r *http.Request) http.Verdict {
	from, to := 0, 0
	_, _ = fmt.Sscanf(p.s.Value(r, "slice_range"), "bytes=%d-%d", &from, &to)
	p.asked[from]++
	if from >= len(p.body) {
		return p.s.Send(r, &inside.Content{Status: 416})
	}
	to = min(to+1, len(p.body))
	part := p.body[from:to]
	return p.s.Send(r, &inside.Content{
		Status: 206, Fields: []string{fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, to-1, len(p.body)), `ETag: "x"`},
		Parts: inside.Parts(part, inside.Kind(p.random.IntN(3)), cuts(p.random, len(part))...),
	})
}
