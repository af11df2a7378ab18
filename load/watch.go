package load

// A Watch is files that are read anew when one of them changes while the configuration serves.
type Watch struct {
	Files []string
	// Changed takes what the files have now: read is for those alone. An error was logged, and all stays as it was. Not on a loop.
	Changed func(read func(path string) ([]byte, error)) error
}

// Watch has files read anew when one of them changes. Who reads them is the process that has the rights to: the master, if there is one.
func (e *Env) Watch(w Watch) { e.watches = append(e.watches, w) }

// Watches returns what Watch was given.
func (e *Env) Watches() []Watch { return e.watches }
