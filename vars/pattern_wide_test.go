package vars

import (
	"errors"
	"testing"

	"github.com/dlclark/regexp2/v2"
)

// TestInsist has a match whose time is up though nobody has worked on it, and one that never comes to an end.
func TestInsist(t *testing.T) {
	up := errors.New("time is up")
	tries := 0
	if err := insist(up, func() error {
		if tries++; tries < 3 {
			return up
		}
		return nil
	}); err != nil || tries != 3 {
		t.Errorf("%v after %d tries", err, tries)
	}
	tries = 0
	if err := insist(up, func() error {
		for begin := threadTime(); threadTime()-begin < matchTimeout; {
		}
		tries++
		return up
	}); err == nil || tries > 2 {
		t.Errorf("%v after %d tries", err, tries)
	}
	if err := insist(regexp2.ErrBacktrackingStackLimit, func() error { return nil }); err == nil {
		t.Error("a match that takes too much memory is tried again")
	}
}
