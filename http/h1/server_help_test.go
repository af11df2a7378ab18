package h1_test

import (
	"testing"

	"weir/http"
	"weir/http/h1"
	"weir/weirtest/wiretest"
)

// A server under test speaks HTTP/1.
type server struct {
	*wiretest.Server
	wire *h1.Shared
}

type options = wiretest.Options

const patience = wiretest.Patience

// newServer serves what stands inside of http { server { … } }. When the test ends nothing may be left.
func newServer(t *testing.T, o options, text string) *server {
	t.Helper()
	s := &server{}
	o.Front = func(of *wiretest.Server) *http.Front {
		s.wire = h1.NewShared(len(of.Engine.Loops))
		s.wire.Pending, s.wire.Quit = of.Count, of.Quit.Load
		return &http.Front{Wire: s.wire, Pending: s.wire.Pending}
	}
	s.Server = wiretest.New(t, o, text)
	return s
}
