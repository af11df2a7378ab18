package http

// KeepBody gives a request the whole body that its handler has read by itself. mem must last as long
// as the exchange.
func (r *Request) KeepBody(mem []byte) {
	b := &r.Body
	b.Mem, b.Size, b.state = mem, int64(len(mem)), bodyRead
}
