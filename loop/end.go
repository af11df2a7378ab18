package loop

// End is one end of a two-way stream of bytes: a connection, or one stream of a connection that carries several. A tunnel moves
// bytes between two of them without knowing which they are. All methods are Loop only.
type End interface {
	// TryRead reads what is there: ErrAgain when nothing is, io.EOF.
	TryRead(p []byte) (int, error)
	// TryWrite writes what there is room for: less than p, or ErrAgain when there is none.
	TryWrite(p []byte) (int, error)
	// CloseWrite says that nothing more will be written.
	CloseWrite() error
	// AsSource is what a task waits for.
	AsSource() *Source
}

var _ End = (*Conn)(nil)
