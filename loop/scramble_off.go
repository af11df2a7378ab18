//go:build !scramble

package loop

// scrambling has every connection scrambled, in tests; see scramble.go.
type scrambling struct{}

func (scrambling) setUp()         {}
func (scrambling) accepted(*Conn) {}
func (scrambling) dialed(*Conn)   {}
