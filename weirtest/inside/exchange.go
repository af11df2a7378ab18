package inside

import (
	"fmt"
	"io"
	"os"
	"strings"

	"weir/disk"
	"weir/http"
	"weir/http/field"
	"weir/loop"
)

// An Ask is a request.
type Ask struct {
	Method string // empty: GET
	Target string
	Host   string   // empty: a
	Fields []string // "Name: value"
	Body   string

	// Answer is what the test's handler does; nil: Content.
	Answer  func(*http.Request) http.Verdict
	Content Content
}

// Content is an answer of the test's handler.
type Content struct {
	Status       int    // 0: 200
	Type         string // empty: text/html
	Charset      string
	Length       int64 // 0: that of the parts; -1: not told
	LastModified int64 // 0: not told
	Ranges       bool  // parts of it may be asked for
	Fields       []string
	Parts        []Part
}

// A Part is sent by itself.
type Part struct {
	Text  string
	Kind  Kind
	Flush bool
}

// Kind is where the bytes of a part are.
type Kind uint8

const (
	Borrowed Kind = iota // memory that is overwritten once nobody may look at it any more
	Owned                // a buffer of the loop, which is handed over
	File                 // a file, with other bytes before and behind
)

// Parts cuts a text into parts of a kind, at these places.
func Parts(text string, kind Kind, at ...int) (parts []Part) {
	from := 0
	for _, to := range append(at, len(text)) {
		parts = append(parts, Part{Text: text[from:to], Kind: kind})
		from = to
	}
	return parts
}

// An Answer is what came of a request.
type Answer struct {
	Status int
	Head   string // what the wire was told, a line for each field, in the order in which it would be sent
	Body   string
	Ended  bool   // the body is whole
	Cut    bool   // the connection must not be used again
	Log    string // what the error log got, from level notice on
}

// Do has a request answered.
func (s *Server) Do(ask Ask) (a Answer) {
	s.t.Helper()
	done := make(chan struct{})
	s.loop.Post(func() {
		s.loop.Go(func(t *loop.Task) {
			defer close(done)
			a = s.serve(t, ask)
		})
	})
	<-done
	a.Log = s.log.take()
	return a
}

// serve does what a wire does with a head that it has read.
func (s *Server) serve(t *loop.Task, ask Ask) Answer {
	w := &wire{server: s, body: strings.NewReader(ask.Body)}
	r := &http.Request{}
	r.Reset()
	r.Out.Clear()
	r.Task, r.Wire, r.Client, r.KeepAlive = t, w, s.client, true
	port := s.client.Socket.Port()
	r.Bind(port)
	r.Version, r.Protocol = http.HTTP11, []byte("HTTP/1.1")
	s.answer = ask.Answer
	if s.answer == nil {
		s.answer = func(r *http.Request) http.Verdict { return s.send(r, &ask.Content) }
	}
	if err := admit(r, port, ask); err != nil {
		s.t.Errorf("%s %s: %v", ask.Method, ask.Target, err)
	} else {
		r.Serve()
	}
	_ = w.Drain(r)
	for _, f := range r.Out.Trailers {
		w.head += fmt.Sprintf("at the end, %s: %s\n", f.Name, f.Value)
	}
	a := Answer{Status: r.Out.Status, Head: w.head, Body: w.out.String(), Ended: w.ended, Cut: r.Out.Cut || w.failed}
	r.End()
	s.most = w.most
	return a
}

// Most is how many bytes of the last answer were queued at most.
func (s *Server) Most() int64 { return s.most }

func admit(r *http.Request, port *http.Port, ask Ask) error {
	method, host := ask.Method, ask.Host
	if method == "" {
		method = "GET"
	}
	if host == "" {
		host = "a"
	}
	r.Line = fmt.Appendf(nil, "%s %s HTTP/1.1", method, ask.Target)
	if err := r.AdmitMethod([]byte(method)); err != nil {
		return err
	}
	if err := r.AdmitTarget([]byte(ask.Target)); err != nil {
		return err
	}
	fields := append([]string{"Host: " + host}, ask.Fields...)
	if ask.Body != "" {
		fields = append(fields, fmt.Sprint("Content-Length: ", len(ask.Body)))
	}
	for _, line := range fields {
		name, value, _ := strings.Cut(line, ": ")
		f := http.Field{ID: field.Lookup([]byte(name)), Name: []byte(name), Value: []byte(value)}
		if fault := r.AdmitField(port, &f); fault != nil {
			return fault
		}
	}
	return r.AdmitLength()
}

// Send answers with a content, within an Answer.
func (s *Server) Send(r *http.Request, c *Content) http.Verdict { return s.send(r, c) }

// send answers with a content.
func (s *Server) send(r *http.Request, c *Content) http.Verdict {
	if v := r.DiscardBody(); v != http.Next {
		return v
	}
	o := &r.Out
	o.Status, o.ContentType, o.ContentLength, o.AllowRanges = c.Status, []byte(c.Type), c.Length, c.Ranges
	if c.Status == 0 {
		o.Status = 200
	}
	if c.Type == "" {
		o.ContentType = []byte("text/html")
	}
	if c.Charset != "" {
		o.Charset = []byte(c.Charset)
	}
	if c.LastModified != 0 {
		o.LastModified = c.LastModified
	}
	if c.Length == 0 {
		for _, p := range c.Parts {
			o.ContentLength += int64(len(p.Text))
		}
	}
	for _, line := range c.Fields {
		name, value, _ := strings.Cut(line, ": ")
		o.AddField(field.Lookup([]byte(name)), []byte(name), []byte(value))
	}
	if v := r.SendHead(); v != http.Next {
		return v
	}
	for i, p := range c.Parts {
		var f http.Flags
		if i == len(c.Parts)-1 {
			f |= http.Last
		}
		if p.Flush {
			f |= http.Flush
		}
		if !s.part(r, p, f) {
			return http.Done
		}
	}
	if len(c.Parts) == 0 {
		_ = r.Send(nil, http.Last)
	}
	_ = r.Drain()
	return http.Done
}

// part sends one part, and reports whether more are wanted.
func (s *Server) part(r *http.Request, p Part, f http.Flags) bool {
	switch {
	case p.Text == "":
		return r.Send(nil, f) == nil
	case p.Kind == Owned:
		buf := r.Loop().Take(len(p.Text))
		return r.Send([]http.Piece{{B: buf[:copy(buf, p.Text)], Own: buf}}, f) == nil
	case p.Kind == File:
		const around = "*beside*"
		file, err := os.CreateTemp(s.Dir, "part")
		if err == nil {
			_, err = file.WriteString(around + p.Text + around)
		}
		if err != nil {
			s.t.Error(err)
			return false
		}
		defer func() { _, _ = file.Close(), os.Remove(file.Name()) }()
		err = r.Send([]http.Piece{http.File(int(file.Fd()), int64(len(around)), int64(len(p.Text)))}, f)
		return err == nil && r.Drain() == nil
	}
	own := []byte(p.Text)
	if r.Send([]http.Piece{http.Mem(own)}, f) != nil || r.Drain() != nil {
		return false
	}
	for i := range own {
		own[i] = '#' // what is held longer than it may be shows
	}
	return true
}

// A wire writes down what it is told. Nothing leaves it before somebody waits for that.
type wire struct {
	server *Server
	body   *strings.Reader
	head   string
	queue  []http.Piece
	queued int64
	most   int64 // that was queued
	out    strings.Builder
	ended  bool
	failed bool
}

// SendHead writes the head down (http.Wire).
func (w *wire) SendHead(r *http.Request) error {
	var b strings.Builder
	o := &r.Out
	line := func(name string, value []byte) {
		if len(value) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	if line("Content-Type", o.ContentType); len(o.Charset) > 0 {
		line("Charset", o.Charset)
	}
	if o.ContentLength >= 0 {
		fmt.Fprintf(&b, "Content-Length: %d\n", o.ContentLength)
	}
	if o.LastModified >= 0 {
		fmt.Fprintf(&b, "Last-Modified: %d\n", o.LastModified)
	}
	line("Location", o.Location)
	for _, f := range o.Fields {
		line(string(f.Name), f.Value)
	}
	w.head = b.String()
	return nil
}

// SendEarly is of no interest (http.Wire).
func (w *wire) SendEarly(*http.Request, int, http.Fields) error { return nil }

// Send queues pieces (http.Wire).
func (w *wire) Send(r *http.Request, p []http.Piece, f http.Flags) error {
	if w.ended && len(p) > 0 {
		w.server.t.Errorf("%s: something is sent after the end", r.Target)
	}
	for i := range p {
		w.queued += p[i].Size()
	}
	w.queue, w.most = append(w.queue, p...), max(w.most, w.queued)
	w.ended = w.ended || f&http.Last != 0
	return nil
}

// Queued is what was not waited for yet (http.Wire).
func (w *wire) Queued() int64 { return w.queued }

// Push lets everything out (http.Wire).
func (w *wire) Push(r *http.Request) (loop.Time, error) { return 0, w.Drain(r) }

// Drain lets everything out (http.Wire).
func (w *wire) Drain(r *http.Request) error {
	for _, p := range w.queue {
		if p.Len == 0 {
			w.out.Write(p.B)
		} else {
			b := make([]byte, p.Len)
			if n, err := disk.ReadAt(r.Task, p.FD, b, p.Off); err != nil || n < len(b) {
				w.server.t.Errorf("%s: a file of %d bytes has %d: %v", r.Target, len(b), n, err)
			}
			w.out.Write(b)
		}
		if p.Own != nil {
			r.Loop().Give(p.Own)
		}
	}
	w.queue, w.queued = w.queue[:0], 0
	return nil
}

// ReadBody reads the request's body (http.Wire).
func (w *wire) ReadBody(_ *http.Request, p []byte) (int, error) {
	n, err := w.body.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// TryReadBody reads it too (http.Wire).
func (w *wire) TryReadBody(r *http.Request, p []byte) (int, error) { return w.ReadBody(r, p) }

// Preread is how much of the body is there: all of it (http.Wire).
func (w *wire) Preread() int { return w.body.Len() }

// NoContinue is of no interest (http.Wire).
func (w *wire) NoContinue() {}

// Source is the connection's (http.Wire).
func (w *wire) Source() *loop.Source { return &w.server.client.Conn.Source }

// Gone is never so (http.Wire).
func (w *wire) Gone() bool { return false }

// Fail takes note (http.Wire).
func (w *wire) Fail(error) { w.failed = true }

// Tunnel is nothing that can be had here (http.Wire).
func (w *wire) Tunnel(*http.Request) (loop.End, []byte) { panic("a tunnel inside a test") }

// Count is of no interest (http.Wire).
func (w *wire) Count(int64) {}

var _ http.Wire = (*wire)(nil)
