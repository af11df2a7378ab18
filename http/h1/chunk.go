package h1

import (
	"math"

	"weir/http"
	"weir/http/url"
)

// Chunked decodes a chunked body (RFC 9112, section 7.1) from whatever bytes have come. Lines must end
// with CRLF, as nginx demands since 1.29.4; extensions are skipped; trailer fields are skipped unless
// KeepTrailer asks for them. The zero value is ready for a body.
type Chunked struct {
	left    int64 // bytes of the chunk still to come
	line    int   // bytes of the size line, or of the trailer, so far
	kept    []byte
	limit   int
	state   chunkState
	keep    bool
	strict  bool
	ext     extState     // where in an extension
	field   trailerState // where in a trailer field
	blank   bool         // nothing of the trailer line has come yet
	trailer bool         // a trailer field was seen
}

// chunkState is what the next byte belongs to.
type chunkState uint8

const (
	chunkStart   chunkState = iota // the first digit of a size
	chunkSize                      // further digits
	chunkExt                       // an extension
	chunkSizeLF                    // LF of the size line
	chunkData                      // data
	chunkDataCR                    // CR behind the data
	chunkDataLF                    // LF behind the data
	chunkTrailer                   // trailer fields and the empty line
	chunkCR                        // LF after a CR in the trailer
	chunkDone
)

const (
	// maxSizeLine bounds a size with its leading zeros and extension. nginx has no bound, but then it
	// cannot be made to spend more on a byte of data than this (Go CVE-2023-39326).
	maxSizeLine = 4096
	// maxTrailer bounds skipped trailer fields.
	maxTrailer = 64 << 10
)

// Reset makes d ready for another body; a buffer given to KeepTrailer is forgotten.
func (d *Chunked) Reset() { *d = Chunked{} }

// KeepTrailer has trailer fields collected in buf[:0], up to its capacity: nginx has the size of
// proxy_buffer_size here. Their lines may then end with LF alone, as other fields.
func (d *Chunked) KeepTrailer(buf []byte) {
	d.keep, d.kept, d.limit = true, buf[:0], cap(buf)
}

// Strict has extensions and trailer fields refused that RFC 9112, sections 7.1.1 and 7.1.2, does not allow, where nginx
// skips whatever there is: for requests, which another server may have read before.
func (d *Chunked) Strict() { d.strict = true }

// Done reports whether the end of the body has come.
func (d *Chunked) Done() bool { return d.state == chunkDone }

// Left is how many bytes of the current chunk are still to come.
func (d *Chunked) Left() int64 { return d.left }

// Next takes bytes of the body from in: it skips framing up to the next data and returns the data, at
// most limit bytes, borrowed from in. used is how much of in was taken, framing and data together.
//
// Without data and not done it has taken all of in and needs more bytes. done says that the body has
// ended; in[used:] is then behind it. The fault is FaultChunk.
func (d *Chunked) Next(in []byte, limit int) (data []byte, used int, done bool, err error) {
	for used < len(in) && d.state != chunkDone {
		if d.state == chunkData {
			n := int(min(d.left, int64(len(in)-used), int64(limit)))
			data = in[used : used+n : used+n]
			used += n
			if d.left -= int64(n); d.left == 0 {
				d.state = chunkDataCR
			}
			return data, used, false, nil
		}
		n, ok := d.skip(in[used:])
		if !ok {
			return nil, used + n, false, FaultChunk
		}
		used += n
	}
	return nil, used, d.state == chunkDone, nil
}

// skip takes framing: at least one byte, and all of one state if it is there.
func (d *Chunked) skip(in []byte) (n int, ok bool) {
	switch d.state {
	case chunkStart, chunkSize:
		return d.readSize(in)
	case chunkExt:
		return d.skipExt(in)
	case chunkSizeLF:
		if d.line = 0; in[0] != '\n' {
			return 0, false
		}
		d.state = chunkData
		if d.left == 0 {
			d.state, d.blank = chunkTrailer, true
		}
	case chunkDataCR:
		if in[0] != '\r' {
			return 0, false
		}
		if len(in) > 1 && in[1] == '\n' {
			d.state = chunkStart
			return 2, true
		}
		d.state = chunkDataLF
	case chunkDataLF:
		if in[0] != '\n' {
			return 0, false
		}
		d.state = chunkStart
	default:
		return d.readTrailer(in)
	}
	return 1, true
}

func (d *Chunked) readSize(in []byte) (n int, ok bool) {
	if d.state == chunkStart {
		d.left, d.line = 0, 0
	}
	for n < len(in) {
		v := url.Unhex(in[n])
		if v < 0 {
			break
		}
		if d.left > math.MaxInt64/16 || d.line+n >= maxSizeLine {
			return n, false
		}
		d.left = d.left<<4 | int64(v)
		d.state = chunkSize
		n++
	}
	d.line += n
	if n == len(in) {
		return n, true
	}
	if d.state == chunkStart || d.left > math.MaxInt64-9 {
		return n, false
	}
	switch in[n] {
	case '\r':
		d.state = chunkSizeLF
	case ';', ' ', '\t':
		d.state, d.ext = chunkExt, extGap
		return n, true // skipExt takes it
	default:
		return n, false
	}
	return n + 1, true
}

func (d *Chunked) skipExt(in []byte) (n int, ok bool) {
	for n < len(in) && in[n] != '\r' && in[n] != '\n' {
		if d.strict && !d.ext.next(in[n]) {
			return n, false
		}
		n++
	}
	if d.line += n; d.line > maxSizeLine {
		return n, false
	}
	if n == len(in) {
		return n, true
	}
	if in[n] == '\n' || d.strict && !d.ext.ends() {
		return n, false
	}
	d.state = chunkSizeLF
	return n + 1, true
}

// readTrailer takes trailer fields up to the empty line.
func (d *Chunked) readTrailer(in []byte) (n int, ok bool) {
	for n < len(in) && d.state != chunkDone {
		c := in[n]
		bare := d.state == chunkTrailer
		switch {
		case c == '\n' && bare && !d.keep, c != '\n' && !bare && !(d.keep && c == '\r' && !d.blank):
			return n, false
		case c == '\n' && d.blank:
			d.state = chunkDone
		case c == '\n':
			d.state, d.blank = chunkTrailer, true
		case c == '\r':
			d.state = chunkCR
		default:
			d.blank, d.trailer = false, true
		}
		if d.strict && !d.field.next(c) {
			return n, false
		}
		if !d.keepByte(c) {
			return n, false
		}
		n++
	}
	return n, true
}

func (d *Chunked) keepByte(c byte) bool {
	if !d.keep {
		d.line++
		return d.line <= maxTrailer
	}
	if len(d.kept) == d.limit {
		return false
	}
	d.kept = append(d.kept, c)
	return true
}

// Trailers appends the trailer fields collected since KeepTrailer to dst, once the body has ended.
// They are borrowed from the buffer given to KeepTrailer. The fault is http.FaultField.
func (d *Chunked) Trailers(dst http.Fields) (http.Fields, error) {
	if !d.trailer || !d.keep || d.state != chunkDone {
		return dst, nil
	}
	h := head{peer: true}
	if _, err := h.ParseFields(d.kept); err != nil {
		return dst, err
	}
	return h.Fields(d.kept, dst), nil
}

// Want is the least number of bytes that must still come before the body can end.
func (d *Chunked) Want() int64 {
	const last = int64(len("0\r\n\r\n"))
	switch d.state {
	case chunkStart:
		return last
	case chunkSize, chunkExt, chunkSizeLF:
		n := int64(len("\r\n"))
		if d.state == chunkSizeLF {
			n = int64(len("\n"))
		}
		if d.left == 0 {
			return n + int64(len("\r\n"))
		}
		return n + min(d.left, math.MaxInt64-64) + int64(len("\r\n")) + last
	case chunkData:
		return min(d.left, math.MaxInt64-64) + int64(len("\r\n")) + last
	case chunkDataCR:
		return int64(len("\r\n")) + last
	case chunkDataLF:
		return int64(len("\n")) + last
	case chunkTrailer:
		return d.wantTrailer(2)
	case chunkCR:
		return d.wantTrailer(1)
	}
	return 0
}

// wantTrailer is Want within the trailer, n being the rest of the line's end.
func (d *Chunked) wantTrailer(n int64) int64 {
	if d.keep {
		return 1
	}
	if d.blank {
		return n
	}
	return n + int64(len("\r\n"))
}
