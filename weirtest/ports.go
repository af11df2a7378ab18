package weirtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// The ports that are handed out lie below the kernel's ephemeral range, so that no outgoing connection takes one before its server listens.
const firstPort, lastPort = 10000, 32000

// Ports hands out free loopback ports and keeps them for its owner until Close.
//
// A port is kept by an abstract Unix socket named after it, not by listening on it: the server under test must be able to listen. The
// kernel frees the name when the process ends, so that parallel test processes never meet and nothing has to be cleaned up.
type Ports struct {
	mu   sync.Mutex
	held []net.Listener
}

// NewPorts returns an empty set.
func NewPorts() *Ports { return &Ports{} }

// Take returns "127.0.0.1:port" with a port that nobody listens on.
func (p *Ports) Take() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		keep, err := net.Listen("unix", fmt.Sprintf("@weirtest/%d", port))
		if err != nil {
			continue
		}
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		if !portFree(addr) {
			keep.Close()
			continue
		}
		p.held = append(p.held, keep)
		return addr, nil
	}
	return "", errors.New("found no free loopback port")
}

// Close gives every port back.
func (p *Ports) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, keep := range p.held {
		keep.Close()
	}
	p.held = nil
}

// portFree asks on all addresses, since a server on 0.0.0.0 would be in the way too.
func portFree(addr string) bool {
	_, port, _ := net.SplitHostPort(addr)
	for _, a := range []string{addr, ":" + port} {
		ln, err := net.Listen("tcp", a)
		if err != nil {
			return false
		}
		ln.Close()
	}
	return true
}
