package content

import "encoding/binary"

// An mp4Track is one track of a movie.
type mp4Track struct {
	movie *movie

	tkhd, mdhd, hdlr, dinf, stsd []byte
	media                        []byte // vmhd or smhd, as mediaName says
	mediaName                    string
	seen                         [3]bool // mdia, minf, stbl

	times   mp4Table // stts: how many samples take how long
	sync    mp4Table // stss: samples that need no other; 1 is the first
	offsets mp4Table // ctts: how much later samples are shown
	chunks  mp4Table // stsc: from which chunk on chunks have how many samples
	sizes   mp4Table // stsz: of each sample
	uniform []byte   // stsz, when all samples are of one size
	places  mp4Table // stco or co64: where each chunk is

	timescale uint32
	duration  uint64 // of what is wanted, in units of timescale
	shown     uint64 // likewise, in those of the movie
	prefix    uint64 // of what comes before the start, because a picture needs it

	startSample, endSample int64
	startChunk, endChunk   int64
	startSkipped, endTaken int64  // samples before the start in its chunk; samples up to the end in the chunk of that
	startBytes, endBytes   int64  // of these
	firstChunk, lastChunk  []byte // rows of stsc of their own for chunks that are cut
	from, to               int64  // where in the file the samples are
	at                     int    // where the places were written
}

// An mp4Table is an atom that is a table.
type mp4Table struct {
	flags []byte // version and flags
	rows  []byte
	width int // of a row
}

func (t *mp4Table) there() bool { return t.flags != nil }
func (t *mp4Table) len() int    { return len(t.rows) / t.width }

// get is column k of row i.
func (t *mp4Table) get(i, k int) uint32 { return binary.BigEndian.Uint32(t.rows[i*t.width+4*k:]) }

func (t *mp4Table) set(i, k int, v uint32) { binary.BigEndian.PutUint32(t.rows[i*t.width+4*k:], v) }

// keep cuts the table to rows [from, to).
func (t *mp4Table) keep(from, to int) { t.rows = t.rows[from*t.width : to*t.width] }

// readTrak takes in one atom of a track.
func (t *mp4Track) readTrak(name string, data []byte) error {
	switch name {
	case "tkhd":
		return t.readTkhd(data)
	case "mdia":
		return t.inside(0, name, data, t.readMdia)
	}
	return nil
}

func (t *mp4Track) inside(n int, name string, data []byte, f func(string, []byte) error) error {
	if t.seen[n] {
		return t.movie.in("duplicate mp4 " + name + " atom")
	}
	t.seen[n] = true
	return t.movie.each(data, f)
}

// once takes in an atom that is written as it is.
func (t *mp4Track) once(place *[]byte, name string, data []byte) error {
	if *place != nil {
		return t.movie.in("duplicate mp4 " + name + " atom")
	}
	*place = data[:len(data):len(data)]
	return nil
}

func (t *mp4Track) readTkhd(data []byte) error {
	v, ok := tkhdTimes.version(data)
	if !ok {
		return t.movie.named("tkhd atom too small")
	}
	_, duration := tkhdTimes.get(data, v)
	if duration <= units(t.movie.start, t.movie.timescale) {
		return errOver
	}
	t.shown = t.movie.left(duration, t.movie.timescale)
	tkhdTimes.set(data, t.shown)
	return t.once(&t.tkhd, "tkhd", data)
}

func (t *mp4Track) readMdia(name string, data []byte) error {
	switch name {
	case "mdhd":
		v, ok := mdhdTimes.version(data)
		if !ok {
			return t.movie.named("mdhd atom too small")
		}
		timescale, duration := mdhdTimes.get(data, v)
		if duration <= units(t.movie.start, timescale) {
			return errOver
		}
		t.timescale, t.duration = timescale, t.movie.left(duration, timescale)
		return t.once(&t.mdhd, name, data)
	case "hdlr":
		return t.once(&t.hdlr, name, data)
	case "minf":
		return t.inside(1, name, data, t.readMinf)
	}
	return nil
}

func (t *mp4Track) readMinf(name string, data []byte) error {
	switch name {
	case "vmhd", "smhd":
		t.mediaName = name
		return t.once(&t.media, "vmhd/smhd", data)
	case "dinf":
		return t.once(&t.dinf, name, data)
	case "stbl":
		return t.inside(2, name, data, t.readStbl)
	}
	return nil
}

func (t *mp4Track) readStbl(name string, data []byte) error {
	switch name {
	case "stsd":
		if len(data) < 16 {
			return t.movie.named("stsd atom too small")
		}
		return t.once(&t.stsd, name, data)
	case "stts":
		return t.table(&t.times, name, data, 8)
	case "stss":
		return t.table(&t.sync, name, data, 4)
	case "ctts":
		return t.table(&t.offsets, name, data, 8)
	case "stsc":
		return t.table(&t.chunks, name, data, 12)
	case "stsz":
		return t.readSizes(data)
	case "stco":
		return t.readPlaces(name, data, 4)
	case "co64":
		return t.readPlaces(name, data, 8)
	}
	return nil
}

// table takes in a table: version and flags, how many rows there are, the rows.
func (t *mp4Track) table(to *mp4Table, name string, data []byte, width int) error {
	if len(data) < 8 {
		return t.movie.named("%s atom too small", name)
	}
	n := uint64(binary.BigEndian.Uint32(data[4:]))
	if 8+n*uint64(width) > uint64(len(data)) {
		return t.movie.named("%s atom too small", name)
	}
	if to.there() {
		return t.movie.in("duplicate mp4 " + name + " atom")
	}
	*to = mp4Table{data[:4], data[8 : 8+n*uint64(width)], width}
	return nil
}

func (t *mp4Track) readPlaces(name string, data []byte, width int) error {
	if t.places.there() {
		return t.movie.in("duplicate mp4 stco/co64 atom")
	}
	return t.table(&t.places, name, data, width)
}

func (t *mp4Track) readSizes(data []byte) error {
	if len(data) < 12 {
		return t.movie.named("stsz atom too small")
	}
	if t.sizes.there() || t.uniform != nil {
		return t.movie.in("duplicate mp4 stsz atom")
	}
	if binary.BigEndian.Uint32(data[4:]) != 0 {
		t.uniform = data
		return nil
	}
	n := uint64(binary.BigEndian.Uint32(data[8:]))
	if 12+n*4 > uint64(len(data)) {
		return t.movie.named("stsz atom too small")
	}
	t.sizes = mp4Table{data[:4], data[12 : 12+n*4], 4}
	return nil
}

// size is how large the track is when it is written, at most.
func (t *mp4Track) size() int {
	const heads = 24*8 + 44 + 24
	n := heads
	for _, b := range [...][]byte{t.tkhd, t.mdhd, t.hdlr, t.dinf, t.stsd, t.media, t.uniform} {
		n += len(b)
	}
	for _, x := range [...]*mp4Table{&t.times, &t.sync, &t.offsets, &t.chunks, &t.sizes, &t.places} {
		n += len(x.rows)
	}
	return n
}

// write writes the track as it was cut.
func (t *mp4Track) write(w *atomWriter) {
	trak := w.begin("trak")
	w.atom("tkhd", t.tkhd)
	if t.prefix > 0 {
		t.writeEdit(w)
	}
	mdia := w.begin("mdia")
	if t.mdhd != nil {
		mdhdTimes.set(t.mdhd, t.duration)
	}
	w.atom("mdhd", t.mdhd)
	w.atom("hdlr", t.hdlr)
	minf := w.begin("minf")
	w.atom(t.mediaName, t.media)
	w.atom("dinf", t.dinf)
	stbl := w.begin("stbl")
	w.atom("stsd", t.stsd)
	w.table("stts", &t.times)
	w.table("stss", &t.sync)
	if t.offsets.there() && t.offsets.len() > 0 {
		w.table("ctts", &t.offsets)
	}
	w.table("stsc", &t.chunks, t.firstChunk, t.lastChunk)
	w.atom("stsz", t.uniform)
	if t.sizes.there() {
		at := w.begin("stsz")
		w.b = append(append(w.b, t.sizes.flags...), 0, 0, 0, 0)
		w.b = append(binary.BigEndian.AppendUint32(w.b, uint32(t.sizes.len())), t.sizes.rows...)
		w.end(at)
	}
	name := "stco"
	if t.places.width == 8 {
		name = "co64"
	}
	w.table(name, &t.places)
	t.at = len(w.b) - len(t.places.rows)
	for _, at := range [...]int{stbl, minf, mdia, trak} {
		w.end(at)
	}
}

// table writes a table, nothing if there is none. first and last are rows before and behind.
func (w *atomWriter) table(name string, t *mp4Table, more ...[]byte) {
	if !t.there() {
		return
	}
	n := t.len()
	for _, row := range more {
		n += len(row) / t.width
	}
	at := w.begin(name)
	w.b = binary.BigEndian.AppendUint32(append(w.b, t.flags...), uint32(n))
	if len(more) > 0 {
		w.b = append(w.b, more[0]...)
	}
	w.b = append(w.b, t.rows...)
	if len(more) > 1 {
		w.b = append(w.b, more[1]...)
	}
	w.end(at)
}

// writeEdit has players leave out what comes before the start.
func (t *mp4Track) writeEdit(w *atomWriter) {
	edts := w.begin("edts")
	elst := w.begin("elst")
	e := binary.BigEndian
	w.b = e.AppendUint32(e.AppendUint32(w.b, 1<<24), 1) // version 1, one row
	w.b = e.AppendUint64(e.AppendUint64(w.b, t.shown), t.prefix)
	w.b = e.AppendUint32(w.b, 1<<16) // at the usual speed
	w.end(elst)
	w.end(edts)
}

// shift moves the places of chunks, which were written into b.
func (t *mp4Track) shift(b []byte, by int64) {
	rows := b[t.at : t.at+len(t.places.rows)]
	for i := 0; i < len(rows); i += t.places.width {
		if t.places.width == 4 {
			binary.BigEndian.PutUint32(rows[i:], binary.BigEndian.Uint32(rows[i:])+uint32(by))
		} else {
			binary.BigEndian.PutUint64(rows[i:], binary.BigEndian.Uint64(rows[i:])+uint64(by))
		}
	}
}
