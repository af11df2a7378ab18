package http

// A Piece is one stretch of a body: bytes in memory, or a range of a file.
//
// Memory is borrowed: it must stay as it is until the exchange ends or a Drain has returned. A piece
// with Own hands its buffer over instead: whoever sends the piece gives Own back to the loop.
type Piece struct {
	B   []byte // bytes in memory; nil for a file
	Own []byte // the whole loop buffer that B is part of, to be given back once sent

	FD  int   // descriptor, when Len > 0
	Off int64 // where the range begins
	Len int64 // bytes of the range
}

// Size is the number of bytes in the piece.
func (p *Piece) Size() int64 {
	if p.Len > 0 {
		return p.Len
	}
	return int64(len(p.B))
}

// Mem makes a piece of borrowed memory.
func Mem(b []byte) Piece { return Piece{B: b} }

// File makes a piece of n bytes of a file from off on. The descriptor stays its opener's.
func File(fd int, off, n int64) Piece { return Piece{FD: fd, Off: off, Len: n} }

// Flags tell a wire what to do with pieces beyond queueing them.
type Flags uint8

const (
	// Last says that the body ends with these pieces.
	Last Flags = 1 << iota
	// Flush says that the client should see them now, however few they are.
	Flush
)
