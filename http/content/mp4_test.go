package content

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A sample is one of a track, as a player sees it.
type sample struct {
	duration, offset uint32
	key              bool
	data             string
}

// demux reads the samples of the tracks of a whole file, by way of the tables, one by one.
func demux(t *testing.T, file []byte) (tracks [][]sample) {
	t.Helper()
	m := &movie{name: []byte("test"), size: int64(len(file))}
	var moov []byte
	for b := file; len(b) > 0; {
		h, err := m.readHead(b[:min(16, len(b))], int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if h.name == "moov" {
			moov = bytes.Clone(b[h.len:h.size])
		}
		b = b[h.size:]
	}
	if err := m.readMoov(moov); err != nil {
		t.Fatal(err)
	}
	for _, k := range m.tracks {
		var all []sample
		for i := range k.times.len() {
			for range k.times.get(i, 0) {
				all = append(all, sample{duration: k.times.get(i, 1)})
			}
		}
		at := 0
		for i := 0; k.offsets.there() && i < k.offsets.len(); i++ {
			for range k.offsets.get(i, 0) {
				if at < len(all) {
					all[at].offset = k.offsets.get(i, 1)
				}
				at++
			}
		}
		for i := 0; k.sync.there() && i < k.sync.len(); i++ {
			all[k.sync.get(i, 0)-1].key = true
		}
		at = 0
		row := 0
		for chunk := range k.places.len() {
			for row+1 < k.chunks.len() && int(k.chunks.get(row+1, 0)) <= chunk+1 {
				row++
			}
			place := k.places.place(int64(chunk))
			for range k.chunks.get(row, 1) {
				if at == len(all) {
					break
				}
				size := int64(k.sizes.get(at, 0))
				all[at].data = string(file[place : place+size])
				place += size
				at++
			}
		}
		if at != len(all) || k.sizes.len() != len(all) {
			t.Fatalf("%d samples by time, %d by chunks, %d by size", len(all), at, k.sizes.len())
		}
		tracks = append(tracks, all)
	}
	return tracks
}

// makeMovie makes a file with tracks of samples that last 100 units of a thousandth of a second each.
func makeMovie(r *rand.Rand, tracks int, wide bool) (file []byte) {
	data := []byte("....mdat")
	e := binary.BigEndian
	w := atomWriter{}
	moov := w.begin("moov")
	mvhd := make([]byte, 100)
	e.PutUint32(mvhd[12:], 1000)
	e.PutUint32(mvhd[16:], 100*60)
	w.atom("mvhd", mvhd)
	for n := range tracks {
		total := 20 + r.IntN(40)
		k := mp4Track{mediaName: "vmhd", media: make([]byte, 12), stsd: make([]byte, 16), tkhd: make([]byte, 84), mdhd: make([]byte, 24)}
		e.PutUint32(k.tkhd[20:], uint32(total)*100)
		e.PutUint32(k.mdhd[12:], 1000)
		e.PutUint32(k.mdhd[16:], uint32(total)*100)
		k.duration = uint64(total) * 100
		four := make([]byte, 4)
		k.times, k.sync, k.offsets = mp4Table{four, nil, 8}, mp4Table{four, nil, 4}, mp4Table{four, nil, 8}
		k.chunks, k.sizes, k.places = mp4Table{four, nil, 12}, mp4Table{four, nil, 4}, mp4Table{four, nil, 4}
		if wide {
			k.places.width = 8
		}
		perChunk, last := 0, 0
		for i := 0; i < total; {
			count := min(1+r.IntN(5), total-i)
			if total-i > perChunk && last > 0 && r.IntN(2) == 0 {
				count = min(last, total-i)
			}
			if count != last {
				k.chunks.rows = append(k.chunks.rows, chunkRow(int64(perChunk+1), int64(count), 1)...)
				last = count
			}
			perChunk++
			if wide {
				k.places.rows = e.AppendUint64(k.places.rows, uint64(len(data)))
			} else {
				k.places.rows = e.AppendUint32(k.places.rows, uint32(len(data)))
			}
			for range count {
				text := fmt.Sprintf("<track %d sample %d%s>", n, i, bytes.Repeat([]byte("."), r.IntN(9)))
				data = append(data, text...)
				k.sizes.rows = e.AppendUint32(k.sizes.rows, uint32(len(text)))
				k.times.rows = e.AppendUint32(e.AppendUint32(k.times.rows, 1), 100)
				k.offsets.rows = e.AppendUint32(e.AppendUint32(k.offsets.rows, 1), uint32(i%3))
				if i%7 == 0 {
					k.sync.rows = e.AppendUint32(k.sync.rows, uint32(i+1))
				}
				i++
			}
		}
		if r.IntN(2) == 0 { // in one row what is alike
			k.times.rows = e.AppendUint32(e.AppendUint32(nil, uint32(total)), 100)
		}
		k.write(&w)
	}
	w.end(moov)
	e.PutUint32(data, uint32(len(data)))
	return append(data, w.b...)
}

// open reads the description of a file that makeMovie has made.
func openMovie(file []byte, m *movie) (moov []byte) {
	size := binary.BigEndian.Uint32(file)
	m.name, m.size, m.mdatEnd = []byte("test"), int64(len(file)), int64(size)
	return bytes.Clone(file[size+8:])
}

// TestMovie cuts movies at random moments, and holds what a player sees of the part against the samples of the whole.
func TestMovie(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		file := makeMovie(r, 1+r.IntN(3), seed%2 == 0)
		whole := demux(t, file)
		for range 40 {
			m := &movie{start: uint64(r.IntN(2000)), keyFrame: r.IntN(3) == 0}
			if r.IntN(3) > 0 {
				m.length = uint64(1 + r.IntN(3000))
			}
			if err := m.readMoov(openMovie(file, m)); err != nil {
				t.Fatal(err)
			}
			head, from, to, err := m.cut()
			if err != nil {
				if m.length >= 100 {
					t.Fatalf("seed %d, %d+%d: %v", seed, m.start, m.length, err)
				}
				continue
			}
			part := demux(t, append(bytes.Clone(head), file[from:to]...))
			if len(part) != len(whole) {
				t.Fatalf("%d tracks of %d", len(part), len(whole))
			}
			for n, got := range part {
				first := int(m.start / 100)
				for m.keyFrame && !whole[n][first].key {
					first--
				}
				last := len(whole[n])
				if m.length > 0 {
					last = min(last, first+int((uint64(m.length)+m.tracks[n].prefix)/100))
				}
				want := whole[n][first:last]
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("seed %d, %d+%d, track %d:\n got %v\nwant %v", seed, m.start, m.length, n, got, want)
				}
			}
		}
	}
}

// TestMovieLies cuts a movie off at every byte, and changes every byte of its description: it may be refused, and nothing else.
func TestMovieLies(t *testing.T) {
	file := makeMovie(rand.New(rand.NewPCG(1, 1)), 1, false)
	for n := range file {
		m := &movie{start: 500, length: 700}
		if moov := openMovie(file, m); n < len(moov) {
			_ = m.readMoov(moov[:n])
			_, _, _, _ = m.cut()
			for _, v := range [...]byte{0, 1, 0x7f, 0xff} {
				m := &movie{start: 500, length: 700, keyFrame: true}
				moov := openMovie(file, m)
				moov[n] = v
				tryMovie(t, m, moov)
			}
		}
	}
}

// tryMovie cuts a movie that may be anything.
func tryMovie(t *testing.T, m *movie, moov []byte) {
	t.Helper()
	if m.readMoov(moov) != nil {
		return
	}
	head, from, to, err := m.cut()
	if err == nil && (from < 0 || to > m.size || from >= to) {
		t.Fatalf("%d bytes, then %d to %d of %d", len(head), from, to, m.size)
	}
}

func FuzzMovie(f *testing.F) {
	for seed := range uint64(4) {
		m := &movie{}
		f.Add(openMovie(makeMovie(rand.New(rand.NewPCG(seed, 1)), 2, seed%2 == 0), m), uint64(500), uint64(700), true, m.size)
	}
	f.Fuzz(func(t *testing.T, moov []byte, start, length uint64, keyFrame bool, size int64) {
		m := &movie{name: []byte("test"), start: start, length: length, keyFrame: keyFrame, size: size, mdatEnd: size}
		if size > 0 {
			tryMovie(t, m, moov)
		}
	})
}

func TestFixedPoint(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"1", 1000, true},
		{"1.5", 1500, true},
		{"1.23456789", 1234, true},
		{".5", 500, true},
		{"9223372036854775", 9223372036854775000, true},
		{"9223372036854776", 0, false},
		{"", 0, false},
		{"1.2.3", 0, false},
		{"-1", 0, false},
		{"1s", 0, false},
	} {
		if got, ok := fixedPoint([]byte(c.text), 3); ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %d, %t", c.text, got, ok)
		}
	}
}

func TestMP4Limits(t *testing.T) {
	for _, c := range []struct {
		factor      int
		after       time.Duration
		movie       movie
		rate, begin int64
	}{
		{110, time.Minute, movie{size: 1_000_000, timescale: 1000, duration: 100_000}, 11_000, 600_000},
		{50, 1500 * time.Millisecond, movie{size: 1_000_000, timescale: 90_000, duration: 9_000_000}, 5_000, 15_000},
		{100, 0, movie{size: 1_000_000, timescale: 1, duration: 1}, 1_000_000, 0},
		{110, time.Minute, movie{size: 1_000_000, duration: 100}, 0, 0},
		{110, time.Minute, movie{size: 1_000_000, timescale: 1000}, 0, 0},
		{110, time.Minute, movie{size: 1_000_000, timescale: math.MaxUint32, duration: 1}, 0, 0}, // it would be over at once
		{1, time.Minute, movie{size: 1000, timescale: 1, duration: math.MaxUint64}, 0, 0},        // and this never
	} {
		set := &mp4Conf{rate: c.factor, rateAfter: c.after}
		if rate, after := set.limits(&c.movie); rate != c.rate || after != c.begin {
			t.Errorf("%+v: %d after %d, want %d after %d", c, rate, after, c.rate, c.begin)
		}
	}
}
