package cache

import (
	"encoding/binary"
	"hash/crc32"
)

// HeaderSize is the length of what a file begins with, before "\nKEY: ", the key and "\n". Behind that comes the head of the response as
// the peer has sent it, and then its body. Numbers are in the byte order of the machine, and as wide as nginx has them on 64 bits.
const HeaderSize = 336

const (
	version = 5
	// Longest is how long an ETag or Vary may be to have room in a header.
	Longest = 128
	keyMark = "\nKEY: "
)

// Places of a header.
const (
	atVersion      = 0
	atValidSec     = 8
	atUpdatingSec  = 16
	atErrorSec     = 24
	atLastModified = 32
	atDate         = 40
	atCRC          = 48
	atValidMsec    = 52
	atHeaderStart  = 54
	atBodyStart    = 56
	atETagLen      = 58
	atETag         = 59
	atVaryLen      = 187
	atVary         = 188
	atVariant      = 316
	atLength       = 332 // nginx has nothing here but zeros
)

// A Header is what a file says of its response. Times are seconds since 1970.
type Header struct {
	ValidSec     int64 // until when it is fresh
	UpdatingSec  int64 // for how long after that it may be answered while it is fetched anew
	ErrorSec     int64 // or when that fails
	LastModified int64 // -1: not known
	Date         int64
	CRC          uint32
	ValidMsec    uint16
	HeaderStart  uint16 // where the head of the response begins
	BodyStart    uint16
	ETag, Vary   []byte
	Variant      Sum
	// Length is the length of the body, plus 1 and cut to 32 bits; 0: not told. nginx does not know it, so it is a check only of
	// files that were written here.
	Length uint32
}

// HeaderStart is where the head of a response begins behind a key of this length.
func HeaderStart(key int) int { return HeaderSize + len(keyMark) + key + 1 }

// CRC is the check of a key in headers.
func CRC(key []byte) uint32 { return crc32.ChecksumIEEE(key) }

// Append appends the header as a file has it.
func (h *Header) Append(dst []byte) []byte {
	var b [HeaderSize]byte
	e := binary.NativeEndian
	e.PutUint64(b[atVersion:], version)
	e.PutUint64(b[atValidSec:], uint64(h.ValidSec))
	e.PutUint64(b[atUpdatingSec:], uint64(h.UpdatingSec))
	e.PutUint64(b[atErrorSec:], uint64(h.ErrorSec))
	e.PutUint64(b[atLastModified:], uint64(h.LastModified))
	e.PutUint64(b[atDate:], uint64(h.Date))
	e.PutUint32(b[atCRC:], h.CRC)
	e.PutUint16(b[atValidMsec:], h.ValidMsec)
	e.PutUint16(b[atHeaderStart:], h.HeaderStart)
	e.PutUint16(b[atBodyStart:], h.BodyStart)
	if len(h.ETag) <= Longest {
		b[atETagLen] = byte(copy(b[atETag:atVaryLen], h.ETag))
	}
	b[atVaryLen] = byte(copy(b[atVary:atVariant], h.Vary))
	if len(h.Vary) > 0 {
		copy(b[atVariant:], h.Variant[:])
	}
	e.PutUint32(b[atLength:], h.Length)
	return append(dst, b[:]...)
}

// AppendKey appends what stands between the header and the head of the response.
func AppendKey(dst, key []byte) []byte {
	return append(append(append(dst, keyMark...), key...), '\n')
}

// A Fault is what is wrong with a file: the sentence behind its name.
type Fault string

const (
	TooSmall      Fault = "is too small"
	OtherVersion  Fault = "version mismatch"
	Collision     Fault = "has md5 collision"
	LongHeader    Fault = "has too long header"
	BadVary       Fault = "has incorrect vary length"
	WrongVariant  Fault = "has incorrect vary hash"
	WrongLength   Fault = "has incorrect length"
	InvalidHeader Fault = "contains invalid header"
)

// Parse reads the beginning of a file, of which b is as much as was asked for. It holds it against the key, and against the most that
// its head may be. ETag and Vary are parts of b.
func (h *Header) Parse(b, key []byte, crc uint32, most int) Fault {
	start := HeaderStart(len(key))
	e := binary.NativeEndian
	switch {
	case len(b) < start:
		return TooSmall
	case e.Uint64(b[atVersion:]) != version:
		return OtherVersion
	}
	h.read(b)
	switch {
	case h.CRC != crc, int(h.HeaderStart) != start, string(b[HeaderSize+len(keyMark):start-1]) != string(key):
		return Collision
	case int(h.BodyStart) > most || int(h.BodyStart) > len(b) || int(h.BodyStart) < start:
		return LongHeader
	case b[atVaryLen] > Longest || b[atETagLen] > Longest:
		return BadVary
	}
	h.ETag = b[atETag : atETag+int(b[atETagLen])]
	h.Vary = b[atVary : atVary+int(b[atVaryLen])]
	return ""
}

func (h *Header) read(b []byte) {
	e := binary.NativeEndian
	*h = Header{
		ValidSec: int64(e.Uint64(b[atValidSec:])), UpdatingSec: int64(e.Uint64(b[atUpdatingSec:])),
		ErrorSec: int64(e.Uint64(b[atErrorSec:])), LastModified: int64(e.Uint64(b[atLastModified:])),
		Date: int64(e.Uint64(b[atDate:])), CRC: e.Uint32(b[atCRC:]), ValidMsec: e.Uint16(b[atValidMsec:]),
		HeaderStart: e.Uint16(b[atHeaderStart:]), BodyStart: e.Uint16(b[atBodyStart:]), Length: e.Uint32(b[atLength:]),
	}
	copy(h.Variant[:], b[atVariant:])
}

// LengthCheck is what a header says of the length of a body.
func LengthCheck(body int64) uint32 {
	n := uint32(body) + 1
	if n == 0 {
		n = 1
	}
	return n
}

// Fits reports whether a body of this length can be the one that the header was written for.
func (h *Header) Fits(body int64) bool {
	return body >= 0 && (h.Length == 0 || h.Length == LengthCheck(body))
}
