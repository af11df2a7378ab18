package h1

// Fail gives the client up: nothing more is written to it. A proxy calls it when it was the one who
// waited for the client, and the client took too long or went away.
func (x *exchange) Fail(err error) { x.fail(err) }

// Count adds bytes that a tunnel has written to the client by itself, after Hijack.
func (x *exchange) Count(n int64) { x.out.Sent += n }
