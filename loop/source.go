package loop

// Ready is what a source may be ready for.
type Ready uint8

const (
	In  Ready = 1 << iota // a read may give something, or EOF, or an error
	Out                   // a write may take something, or give an error
	Hup                   // the peer closed its writing side, or the connection broke; it stays so
)

// Source is something that a task can wait for: a connection, which has one, or one stream of several that share a connection. It
// belongs to one loop, and only its loop and that loop's tasks may use it. One task may wait to read while another waits to write.
type Source struct {
	loop   *Loop
	reader *Task // waits for In or Hup
	writer *Task // waits for Out
	flags  uint8 // a Ready, then what a Conn adds

	// Of a Conn; they stand here because here is room.
	sock   uint8 // with a layer: what the socket is ready for, as flags is what the connection is; see Raw
	family uint8 // of peer and local
	slot   int32
}

// NewSource returns a source of this loop that is not a connection: who owns it says by Set and Clear what it is ready for.
func (l *Loop) NewSource() Source { return Source{loop: l} }

// Loop is where the source lives. Any goroutine.
func (s *Source) Loop() *Loop { return s.loop }

// AsSource is the source itself, also of what embeds it.
func (s *Source) AsSource() *Source { return s }

// Readable says that a read may give something, or EOF.
func (s *Source) Readable() bool { return s.flags&uint8(In) != 0 }

// Writable says that a write may take something.
func (s *Source) Writable() bool { return s.flags&uint8(Out) != 0 }

// Hup says that the peer closed its writing side or that the connection broke. There may still be bytes to read.
func (s *Source) Hup() bool { return s.flags&uint8(Hup) != 0 }

// Set says that the source has become ready for r. A task that waits for it runs after the loop's next look at the sockets, not at
// once: Set may be called from another task in the middle of something. Loop only; not for the source of a Conn.
func (s *Source) Set(r Ready) {
	s.flags |= uint8(r)
	if s.reader != nil && r&(In|Hup) != 0 {
		s.loop.requeue(s.reader)
	}
	if s.writer != nil && r&Out != 0 {
		s.loop.requeue(s.writer)
	}
}

// Clear says that the source is not ready for r any more. Loop only; not for the source of a Conn.
func (s *Source) Clear(r Ready) { s.flags &^= uint8(r) }

// free panics unless the sides of s that t wants have no other waiter.
func (s *Source) free(t *Task, want Ready) {
	if s.loop != t.loop {
		panic("loop: a task waits for a connection of another loop")
	}
	if want&(In|Hup) != 0 && s.reader != nil || want&Out != 0 && s.writer != nil {
		panic("loop: two tasks wait for one side of a connection")
	}
}

func (s *Source) attach(t *Task, want Ready) {
	if want&(In|Hup) != 0 {
		s.reader = t
	}
	if want&Out != 0 {
		s.writer = t
	}
}
