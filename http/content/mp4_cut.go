package content

import (
	"encoding/binary"
	"math"
)

// How the tables of a track are cut: the moments become samples, samples become chunks, and chunks become stretches of the file. Each table is cut
// at the start first, then at the end.

// cut cuts the track.
func (t *mp4Track) cut() error {
	m := t.movie
	if !t.times.there() {
		return m.in("no mp4 stts atoms were found")
	}
	if err := t.cutTimes(); err != nil {
		return err
	}
	if t.sync.there() {
		t.cutSync()
	}
	if t.offsets.there() {
		t.cutOffsets()
	}
	switch {
	case !t.chunks.there():
		return m.in("no mp4 stsc atoms were found")
	case t.chunks.len() == 0:
		return m.in("zero number of entries in stsc atom")
	}
	if err := t.cutChunks(); err != nil {
		return err
	}
	if t.sizes.there() {
		if err := t.cutSizes(); err != nil {
			return err
		}
	}
	return t.cutPlaces()
}

// sampleAt finds the sample of a moment: how many come before it, in which row it is, and how many of that row come before it.
func (t *mp4Track) sampleAt(moment uint64) (sample int64, row int, rest uint64, ok bool) {
	for ; row < t.times.len(); row++ {
		count, each := uint64(t.times.get(row, 0)), uint64(t.times.get(row, 1))
		if moment < count*each {
			rest = moment / each
			return sample + int64(rest), row, rest, true
		}
		sample += int64(count)
		moment -= count * each
	}
	return sample, row, 0, false
}

func (t *mp4Track) cutTimes() error {
	m := t.movie
	sample, row, rest, ok := t.sampleAt(units(m.start, t.timescale))
	if !ok {
		return m.in("start time is out mp4 stts samples")
	}
	back, err := t.toKeyFrame(sample)
	if err != nil {
		return err
	}
	sample -= back
	for uint64(back) > rest && row > 0 {
		t.prefix += rest * uint64(t.times.get(row, 1))
		back -= int64(rest)
		row--
		rest = uint64(t.times.get(row, 0))
	}
	t.prefix += uint64(back) * uint64(t.times.get(row, 1))
	t.duration += t.prefix
	rest -= min(uint64(back), rest)
	t.times.set(row, 0, t.times.get(row, 0)-uint32(rest))
	t.times.keep(row, t.times.len())
	t.startSample = sample
	if m.length == 0 {
		return nil
	}
	sample, row, rest, ok = t.sampleAt(units(m.length, t.timescale) + t.prefix)
	t.endSample = t.startSample + sample
	if ok {
		t.times.set(row, 0, uint32(rest))
		t.times.keep(0, row+1)
	}
	return nil
}

// toKeyFrame is how many samples before this one a picture begins that needs no other, if that is wanted.
func (t *mp4Track) toKeyFrame(sample int64) (back int64, err error) {
	if !t.movie.keyFrame || !t.sync.there() {
		return 0, nil
	}
	for i := range t.sync.len() {
		key := int64(t.sync.get(i, 0))
		if key == 0 {
			return 0, t.movie.in("zero sync sample")
		}
		if key > sample+1 {
			break
		}
		back = sample + 1 - key
	}
	return back, nil
}

func (t *mp4Track) cutSync() {
	first := func(sample int64) (row int) {
		for row < t.sync.len() && int64(t.sync.get(row, 0)) <= sample {
			row++
		}
		return row
	}
	t.sync.keep(first(t.startSample), t.sync.len())
	if t.movie.length > 0 {
		t.sync.keep(0, first(t.endSample))
	}
	for i := range t.sync.len() {
		t.sync.set(i, 0, t.sync.get(i, 0)-uint32(t.startSample))
	}
}

func (t *mp4Track) cutOffsets() {
	row, rest, ok := t.offsetAt(t.startSample)
	t.offsets.keep(row, t.offsets.len())
	if ok {
		t.offsets.set(0, 0, t.offsets.get(0, 0)-rest)
	}
	if t.movie.length == 0 {
		return
	}
	if row, rest, ok = t.offsetAt(t.endSample - t.startSample); ok {
		t.offsets.set(row, 0, rest)
		t.offsets.keep(0, row+1)
	}
}

// offsetAt finds the row of a sample, and how many of that row come before it.
func (t *mp4Track) offsetAt(sample int64) (row int, rest uint32, ok bool) {
	for ; row < t.offsets.len(); row++ {
		count := int64(t.offsets.get(row, 0))
		if sample < count {
			return row, uint32(sample), true
		}
		sample -= count
	}
	return row, 0, false
}

// A chunkPlace is where a sample is among the chunks.
type chunkPlace struct {
	row              int
	first, next      int64 // chunks that the row is of
	samples          int64 // of each of them
	id               uint32
	chunk            int64 // that the sample is in; 0 is the first
	within           int64 // samples before it there
	atRow            bool  // it is the first of its row
	samplesBeforeRow int64 // of the last chunk before the row
}

// chunkAt finds the chunk of a sample. which is "start" or "end", for the error.
func (t *mp4Track) chunkAt(sample int64, which string) (p chunkPlace, err error) {
	m := t.movie
	for {
		p.first, p.samples, p.id = int64(t.chunks.get(p.row, 0)), int64(t.chunks.get(p.row, 1)), t.chunks.get(p.row, 2)
		last := p.row+1 == t.chunks.len()
		if last {
			p.next = int64(t.places.count()) + 1
		} else {
			p.next = int64(t.chunks.get(p.row+1, 0))
		}
		if p.next < p.first {
			return p, m.in("unordered mp4 stsc chunks")
		}
		n := (p.next - p.first) * p.samples
		if last && sample > n {
			return p, m.in(which + " time is out mp4 stsc chunks")
		}
		if last || sample < n {
			break
		}
		sample -= n
		if p.next > p.first {
			p.samplesBeforeRow = p.samples
		}
		p.row++
	}
	if p.samples == 0 {
		return p, m.in("zero number of samples")
	}
	if p.first == 0 {
		return p, m.in("zero chunk")
	}
	p.atRow = sample == 0
	p.chunk, p.within = p.first-1+sample/p.samples, sample%p.samples
	return p, nil
}

// count is how many rows a table has, 0 if there is none.
func (t *mp4Table) count() int {
	if !t.there() {
		return 0
	}
	return t.len()
}

// chunkRow is a row of stsc.
func chunkRow(chunk, samples int64, id uint32) []byte {
	e := binary.BigEndian
	return e.AppendUint32(e.AppendUint32(e.AppendUint32(nil, uint32(chunk)), uint32(samples)), id)
}

func (t *mp4Track) cutChunks() error {
	p, err := t.chunkAt(t.startSample, "start")
	if err != nil {
		return err
	}
	t.chunks.keep(p.row, t.chunks.len())
	t.startChunk, t.startSkipped = p.chunk, p.within
	left := p.samples - p.within
	switch {
	case p.within == 0:
		t.chunks.set(0, 0, uint32(p.chunk+1))
	case p.next-p.chunk == 2: // the chunk is the last of its row
		t.chunks.set(0, 0, uint32(p.chunk+1))
		t.chunks.set(0, 1, uint32(left))
	default:
		t.firstChunk = chunkRow(1, left, p.id)
		t.chunks.set(0, 0, uint32(p.chunk+2))
	}
	if t.movie.length > 0 {
		if err = t.cutChunksEnd(left); err != nil {
			return err
		}
	}
	for i := range t.chunks.len() {
		t.chunks.set(i, 0, t.chunks.get(i, 0)-uint32(t.startChunk))
	}
	return nil
}

// cutChunksEnd cuts at the end. left is how many samples the first chunk has.
func (t *mp4Track) cutChunksEnd(left int64) error {
	sample, before := t.endSample-t.startSample, int64(0)
	if t.firstChunk != nil {
		before = min(left, sample)
		t.firstChunk = chunkRow(1, before, binary.BigEndian.Uint32(t.firstChunk[8:]))
		sample -= before
	}
	p, err := t.chunkAt(sample, "end")
	if err != nil {
		return err
	}
	t.endChunk = p.chunk
	switch {
	case p.within > 0:
		t.chunks.keep(0, p.row+1)
		t.endChunk, t.endTaken = p.chunk+1, p.within
		if p.chunk == p.first-1 { // the first of its row
			t.chunks.set(p.row, 1, uint32(p.within))
		} else {
			t.lastChunk = chunkRow(t.endChunk-t.startChunk, p.within, p.id)
		}
	case p.atRow:
		t.chunks.keep(0, p.row)
		if t.endTaken = p.samplesBeforeRow; p.row == 0 {
			t.endTaken = before
		}
	default:
		t.chunks.keep(0, p.row+1)
		t.endTaken = p.samples
	}
	return nil
}

func (t *mp4Track) cutSizes() error {
	m, all := t.movie, t.sizes
	if t.startSample >= int64(all.len()) {
		return m.in("start time is out mp4 stsz samples")
	}
	end := int64(all.len())
	if t.startBytes = all.sum(t.startSample-t.startSkipped, t.startSample); t.startBytes > m.size {
		return m.in("too large mp4 start samples size")
	}
	if m.length > 0 {
		if t.endSample > end {
			return m.in("end time is out mp4 stsz samples")
		}
		end = t.endSample
		if t.endBytes = all.sum(end-t.endTaken, end); t.endBytes > m.size {
			return m.in("too large mp4 end samples size")
		}
	}
	t.sizes.keep(int(t.startSample), int(end))
	return nil
}

// sum adds up the sizes of samples.
func (t *mp4Table) sum(from, to int64) (n int64) {
	for i := max(from, 0); i < to; i++ {
		n += int64(t.get(int(i), 0))
	}
	return n
}

// place is where a chunk is; -1: beyond all bounds.
func (t *mp4Table) place(i int64) int64 {
	if t.width == 4 {
		return int64(t.get(int(i), 0))
	}
	if n := binary.BigEndian.Uint64(t.rows[i*8:]); n <= math.MaxInt64 {
		return int64(n)
	}
	return -1
}

// offset is where in the file the byte is that many behind the beginning of a chunk.
func (t *mp4Track) offset(chunk, behind int64) (int64, error) {
	at := t.places.place(chunk)
	if at < 0 || at > t.movie.size-behind || t.places.width == 4 && at+behind > math.MaxUint32 {
		return 0, t.movie.in("too large chunk offset")
	}
	return at + behind, nil
}

func (t *mp4Track) cutPlaces() (err error) {
	m := t.movie
	name := "stco"
	if t.places.width == 8 {
		name = "co64"
	}
	if !t.places.there() {
		return m.in("no mp4 " + name + " atoms were found")
	}
	n := int64(t.places.len())
	if t.startChunk >= n {
		return m.in("start time is out mp4 " + name + " chunks")
	}
	if t.from, err = t.offset(t.startChunk, t.startBytes); err != nil {
		return err
	}
	if t.places.width == 4 {
		t.places.set(int(t.startChunk), 0, uint32(t.from))
	} else {
		binary.BigEndian.PutUint64(t.places.rows[t.startChunk*8:], uint64(t.from))
	}
	t.to = m.mdatEnd
	if m.length > 0 {
		if t.endChunk > n {
			return m.in("end time is out mp4 " + name + " chunks")
		}
		if n = max(t.endChunk, t.startChunk); n > t.startChunk {
			if t.to, err = t.offset(n-1, t.endBytes); err != nil {
				return err
			}
		}
	}
	if n == t.startChunk {
		t.from, t.to = m.size, 0
	}
	t.places.keep(int(t.startChunk), int(n))
	return nil
}
