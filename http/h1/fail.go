package h1

// Fail gives the client up: nothing more is written to it. A proxy calls it when it was the one who
// waited for the client, and the client took too long or went away.
func (x *exchange) Fail(err error) { x.fail(err) }
