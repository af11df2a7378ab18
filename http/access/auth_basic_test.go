package access

import (
	"testing"
)

// TestLeftHashesAreNotMade: a hash that nobody waits for any more is not worked out when it is its turn.
func TestLeftHashesAreNotMade(t *testing.T) {
	files := &userFiles{}
	files.begin(1)
	hash := func(left bool) bool {
		c := &check{files: files, password: "password", found: []byte("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/")}
		files.tokens <- struct{}{} // somebody else's turn
		made := make(chan struct{})
		go func() {
			c.hash()
			close(made)
		}()
		c.left.Store(left)
		<-files.tokens
		<-made
		return c.matches
	}
	if !hash(false) {
		t.Error("the password of who waits does not match")
	}
	if hash(true) {
		t.Error("a hash was made that nobody waits for")
	}
}
