// Package load is what a configuration is loaded in. Whatever a module needs while its directives are read and its parts are built,
// besides the tables of its own front (http, stream), it finds in an Env: where relative paths begin, zones, log files, look-ups, the
// registries of other modules, what is to run when everything is known, what is to be closed when the cycle is not used any more, and
// background tasks.
//
// An Env belongs to one load of one configuration and is used by one goroutine. Nothing that serves may lead back to it.
package load

import (
	"slices"

	"weir/conf"
	"weir/logs"
	"weir/zone"
)

// Options are what the process says to a configuration.
type Options struct {
	Prefix     string // -p, with its final slash
	TempPrefix string // where temporary folders are that the configuration does not name
	// AccessLog is where requests are logged when no access_log is written.
	AccessLog string
	Signature string // "weir/1.2.3"
	Loops     int    // how many loops will serve
	Files     *logs.Files
	Zones     *zone.Set
	// Checked says that a master has loaded the same before: what it has found good need not be looked at again.
	Checked bool
	// Logger makes the error log that holds in a block.
	Logger func(*conf.Scopes, *conf.Block) *logs.Logger
}

// Env is what one configuration is loaded in.
type Env struct {
	Options
	Life   *Life
	Tree   *conf.Tree
	Diags  *conf.Diagnostics
	Scopes *conf.Scopes // nil while things are declared

	shared   map[any]any
	atEnd    []func() error
	releases []func()
	folders  []string
	jobs     []*Job
	watches  []Watch
	raw      bool
}

// Life is held by all that serves a cycle. When nothing does any more, the collector takes it, and the cycle's files are closed.
type Life struct {
	_ *Life // with a pointer in it, the collector does not put several into one object
}

// New begins a load.
func New(o Options, tree *conf.Tree, d *conf.Diagnostics) *Env {
	if o.Zones == nil {
		o.Zones = (*zone.Registry)(nil).Begin()
	}
	return &Env{Options: o, Life: &Life{}, Tree: tree, Diags: d, shared: map[any]any{}}
}

// Of returns the environment that a directive is read in.
func Of(call *conf.Call) *Env { return call.Env.(*Env) }

// Shared returns the one value of this load under key, made at first use.
func (e *Env) Shared(key any, make func() any) any {
	v, ok := e.shared[key]
	if !ok {
		v = make()
		e.shared[key] = v
	}
	return v
}

// Put makes v the one value of its type in this load.
func Put[T any](e *Env, v *T) { e.shared[(*T)(nil)] = v }

// The returns the one T of a load: the registry of a module, made at first use.
func The[T any](e *Env) *T {
	return e.Shared((*T)(nil), func() any { return new(T) }).(*T)
}

// Logger is the error log that holds in a block.
func (e *Env) ErrorLog(b *conf.Block) *logs.Logger { return e.Logger(e.Scopes, b) }

// AtEnd has f run when everything is built: for what may be named before it is defined.
func (e *Env) AtEnd(f func() error) { e.atEnd = append(e.atEnd, f) }

// Finish runs what AtEnd was given, in the order of the calls. Errors go to the diagnostics.
func (e *Env) Finish() {
	for len(e.atEnd) > 0 {
		f := e.atEnd[0]
		e.atEnd = e.atEnd[1:]
		if err := f(); err != nil {
			e.Diags.Err(err)
		}
	}
}

// Release has f run when the cycle is not used any more: what its log files and sockets are closed by. f must not lead to what
// serves.
func (e *Env) Release(f func()) { e.releases = append(e.releases, f) }

// Releases returns what runs all that Release was given, as a function that does not hold on to the Env.
func (e *Env) Releases() func() {
	all := e.releases
	e.releases = nil
	return func() {
		for _, f := range all {
			f()
		}
	}
}

// Folder says that the configuration needs a folder, of which whoever serves is the owner: for temporary files, for a cache.
func (e *Env) Folder(dir string) {
	if !slices.Contains(e.folders, dir) {
		e.folders = append(e.folders, dir)
	}
}

// Folders returns what Folder was given.
func (e *Env) Folders() []string { return e.folders }

// NeedRawSockets says that whoever serves the configuration must keep the right to addresses that are not the machine's.
func (e *Env) NeedRawSockets() { e.raw = true }

// RawSockets reports whether a directive needs that right.
func (e *Env) RawSockets() bool { return e.raw }

// Forget drops what was needed to load only: while the configuration serves, its tree should not take up memory.
func (e *Env) Forget() {
	e.Tree, e.Diags, e.Scopes, e.Logger, e.Zones = nil, nil, nil, nil, nil
	e.shared, e.atEnd = nil, nil
}

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
