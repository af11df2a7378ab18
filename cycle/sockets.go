package cycle

import (
	"golang.org/x/sys/unix"

	"weir/listen"
	"weir/logs"
)

// Sockets is who opens and ends listening sockets: the process itself, or its master.
type Sockets interface {
	// Open opens a socket for each Spec, or none: then the error was reported. A replica is given them by its master.
	Open(specs []listen.Spec, report func(logs.Level, string)) ([]int, error)
	// Close ends a socket that the process does not want any more. What others have of it stays open.
	Close(s listen.Spec, fd int)
}

// ownSockets are those of a process without a master.
type ownSockets struct{}

func (ownSockets) Open(specs []listen.Spec, report func(logs.Level, string)) ([]int, error) {
	return listen.Opener{Log: report}.OpenAll(specs)
}

func (ownSockets) Close(s listen.Spec, fd int) {
	_ = unix.Close(fd)
	_ = listen.Remove(s)
}
