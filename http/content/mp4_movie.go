package content

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// A movie is an MP4 file of which a part is sent: from one moment to another one. What it says of itself (moov) is read whole, cut, and
// written anew; of the samples (mdat) a stretch of the file is sent, from the first that is wanted to the last.
//
// A file may lie in every number. Whatever is read is held against what there is; the sentences of errors are nginx's.
type movie struct {
	name     []byte // for errors
	size     int64  // of the file
	start    uint64 // milliseconds
	length   uint64 // likewise; 0: to the end
	keyFrame bool   // pictures begin with one that needs no other

	ftyp      []byte // whole
	mvhd      []byte
	timescale uint32 // units a second; 0: not told
	duration  uint64 // of the whole, in them
	tracks    []*mp4Track
	mdatEnd   int64 // 0: there is none
}

// errPlain says that the file is to be sent as it is.
var errPlain = errors.New("as it is")

// errOver says that a track has nothing in the part that is wanted.
var errOver = errors.New("the track ends before")

// mostTracks is how many tracks a movie may have.
const mostTracks = 1000

func (m *movie) errorf(format string, a ...any) error { return fmt.Errorf(format, a...) }

// named is an error whose sentence begins with the file.
func (m *movie) named(format string, a ...any) error {
	return m.errorf("\"%s\" mp4 "+format, append([]any{m.name}, a...)...)
}

// in is an error whose sentence ends with the file.
func (m *movie) in(text string) error { return m.errorf("%s in \"%s\"", text, m.name) }

// An mp4Head is what an atom begins with.
type mp4Head struct {
	size int64 // of the atom; 0: it is the last
	len  int64 // of this
	name string
}

// mp4HeadSize is how long the head of an atom is at most.
const mp4HeadSize = 16

// readHead reads the head of an atom of which b is the beginning, and which has room for left bytes.
func (m *movie) readHead(b []byte, left int64) (h mp4Head, err error) {
	if len(b) < 4 {
		return h, m.named("file truncated")
	}
	size := uint64(binary.BigEndian.Uint32(b))
	h.len = 8
	switch {
	case size == 0:
		return h, nil
	case size == 1 && len(b) < mp4HeadSize, size >= 8 && len(b) < 8:
		return h, m.named("file truncated")
	case size == 1:
		h.len = mp4HeadSize
		size = binary.BigEndian.Uint64(b[8:])
	}
	if size < uint64(h.len) {
		return h, m.named("atom is too small:%d", size)
	}
	if size > uint64(left) {
		return h, m.named("atom too large:%d", size)
	}
	h.size, h.name = int64(size), string(b[4:8])
	return h, nil
}

// each calls f with every atom of b.
func (m *movie) each(b []byte, f func(name string, data []byte) error) error {
	for len(b) > 0 {
		h, err := m.readHead(b[:min(len(b), mp4HeadSize)], int64(len(b)))
		if err != nil || h.size == 0 {
			return err
		}
		if err = f(h.name, b[h.len:h.size]); err != nil {
			return err
		}
		b = b[h.size:]
	}
	return nil
}

// readMoov takes in what the movie says of itself.
func (m *movie) readMoov(moov []byte) error {
	return m.each(moov, func(name string, data []byte) error {
		switch name {
		case "mvhd":
			return m.readMvhd(data)
		case "trak":
			if len(m.tracks) == mostTracks {
				return m.named("has too many trak atoms")
			}
			t := &mp4Track{movie: m}
			err := m.each(data, t.readTrak)
			if err == nil {
				m.tracks = append(m.tracks, t)
			} else if err == errOver {
				err = nil
			}
			return err
		case "cmov":
			return m.named("compressed moov atom (cmov) is not supported")
		}
		return nil
	})
}

// times are where an atom with a duration has it, by the two versions there are.
type times struct {
	size      [2]int // of the atom's data, at least
	timescale [2]int
	duration  [2]int
}

var (
	mvhdTimes = times{[2]int{100, 112}, [2]int{12, 20}, [2]int{16, 24}}
	tkhdTimes = times{[2]int{84, 96}, [2]int{}, [2]int{20, 28}}
	mdhdTimes = times{[2]int{24, 36}, [2]int{12, 20}, [2]int{16, 24}}
)

// version is the version of an atom, 0 or 1; ok is false if it is too small.
func (x *times) version(data []byte) (v int, ok bool) {
	if len(data) < x.size[0] {
		return 0, false
	}
	if data[0] != 0 {
		v = 1
	}
	return v, len(data) >= x.size[v]
}

func (x *times) get(data []byte, v int) (timescale uint32, duration uint64) {
	timescale = binary.BigEndian.Uint32(data[x.timescale[v]:])
	if v == 0 {
		return timescale, uint64(binary.BigEndian.Uint32(data[x.duration[v]:]))
	}
	return timescale, binary.BigEndian.Uint64(data[x.duration[v]:])
}

func (x *times) set(data []byte, duration uint64) {
	if v, _ := x.version(data); v == 1 {
		binary.BigEndian.PutUint64(data[x.duration[v]:], duration)
	} else {
		binary.BigEndian.PutUint32(data[x.duration[v]:], uint32(duration))
	}
}

// units are milliseconds in units of a time scale.
func units(millis uint64, timescale uint32) uint64 {
	if timescale != 0 && millis > math.MaxUint64/uint64(timescale) {
		return math.MaxUint64 / 1000
	}
	return millis * uint64(timescale) / 1000
}

// left is what is wanted of a duration that begins at the start.
func (m *movie) left(duration uint64, timescale uint32) uint64 {
	duration -= units(m.start, timescale)
	if m.length > 0 {
		duration = min(duration, units(m.length, timescale))
	}
	return duration
}

func (m *movie) readMvhd(data []byte) error {
	if m.mvhd != nil {
		return m.in("duplicate mp4 mvhd atom")
	}
	v, ok := mvhdTimes.version(data)
	if !ok {
		return m.named("mvhd atom too small")
	}
	m.mvhd = data
	m.timescale, m.duration = mvhdTimes.get(data, v)
	if m.duration < units(m.start, m.timescale) {
		return m.named("start time exceeds file duration")
	}
	mvhdTimes.set(data, m.left(m.duration, m.timescale))
	return nil
}

// cut cuts the movie, and returns what comes before the stretch of the file that is sent behind it.
func (m *movie) cut() (head []byte, from, to int64, err error) {
	if len(m.tracks) == 0 {
		return nil, 0, 0, m.in("no mp4 trak atoms were found")
	}
	if m.mdatEnd == 0 {
		return nil, 0, 0, m.in("no mp4 mdat atom was found")
	}
	from = m.size
	for _, t := range m.tracks {
		if err = t.cut(); err != nil {
			return nil, 0, 0, err
		}
		from, to = min(from, t.from), max(to, t.to)
	}
	switch {
	case to <= from:
		return nil, 0, 0, m.in("no data between start time and end time")
	case from >= m.mdatEnd:
		return nil, 0, 0, m.in("start time is out mp4 mdat atom")
	}
	return m.write(from, to), from, to, nil
}

// write writes what comes before the samples.
func (m *movie) write(from, to int64) []byte {
	w := atomWriter{b: append(make([]byte, 0, len(m.ftyp)+m.moovSize()+8+mp4HeadSize), m.ftyp...)}
	moov := w.begin("moov")
	if m.mvhd != nil {
		w.atom("mvhd", m.mvhd)
	}
	for _, t := range m.tracks {
		t.write(&w)
	}
	w.end(moov)
	if size := uint64(to-from) + 8; size <= math.MaxUint32 {
		w.b = append(binary.BigEndian.AppendUint32(w.b, uint32(size)), "mdat"...)
	} else {
		w.b = append(binary.BigEndian.AppendUint32(w.b, 1), "mdat"...)
		w.b = binary.BigEndian.AppendUint64(w.b, size+8)
	}
	shift := int64(len(w.b)) - from
	for _, t := range m.tracks {
		t.shift(w.b, shift)
	}
	return w.b
}

// moovSize is how large what is written may become, as a rule.
func (m *movie) moovSize() int {
	n := len(m.mvhd) + 16
	for _, t := range m.tracks {
		n += t.size()
	}
	return n
}

// An atomWriter writes atoms.
type atomWriter struct{ b []byte }

// begin begins an atom, which end ends.
func (w *atomWriter) begin(name string) (at int) {
	at = len(w.b)
	w.b = append(append(w.b, 0, 0, 0, 0), name...)
	return at
}

func (w *atomWriter) end(at int) { binary.BigEndian.PutUint32(w.b[at:], uint32(len(w.b)-at)) }

// atom writes a whole atom, nothing if there is no data.
func (w *atomWriter) atom(name string, data []byte) {
	if data == nil {
		return
	}
	at := w.begin(name)
	w.b = append(w.b, data...)
	w.end(at)
}
