package conf

import (
	"errors"
	"net/netip"
	"os"
	"sync"
	"syscall"
)

// Recorded is what loading a configuration was told by the outside. It can be sent to another process, but for the files of Opened: those
// go as descriptors (Open, Hand).
type Recorded struct {
	Files  map[string]RecordedFile
	Opened map[string]RecordedOpen
	Globs  map[string]RecordedGlob
	Names  map[string]RecordedName
	Users  map[string]RecordedUser
	Groups map[string]RecordedGroup
	Facts  Facts
}

// A RecordedFile is a file that was read, or why it could not be.
type RecordedFile struct {
	Text []byte
	Err  RecordedError
}

// A RecordedOpen is a file that was opened, or why it could not be.
type RecordedOpen struct {
	Err  RecordedError
	file *os.File
}

// Open returns the files that were opened, by their paths.
func (r *Recorded) Open() (paths []string, files []*os.File) {
	for path, o := range r.Opened {
		if o.file != nil {
			paths, files = append(paths, path), append(files, o.file)
		}
	}
	return paths, files
}

// Hand gives what was sent a file that was opened. The descriptor is taken over.
func (r *Recorded) Hand(path string, fd int) {
	if o, ok := r.Opened[path]; ok {
		o.file = os.NewFile(uintptr(fd), path)
		r.Opened[path] = o
	} else {
		_ = syscall.Close(fd)
	}
}

// A RecordedGlob is the paths of a pattern.
type RecordedGlob struct {
	Paths []string
	Err   RecordedError
}

// A RecordedName is the addresses of a name.
type RecordedName struct {
	Addrs []netip.Addr
	Err   RecordedError
}

// A RecordedUser is a user, by name.
type RecordedUser struct {
	User User
	Err  RecordedError
}

// A RecordedGroup is a group, by name.
type RecordedGroup struct {
	GID int
	Err RecordedError
}

// A RecordedError is an error that can be sent to another process: its number where the system has one for it, and its
// text. The zero value is none.
type RecordedError struct {
	Errno int
	Text  string
}

func recordError(err error) RecordedError {
	if err == nil {
		return RecordedError{}
	}
	var no syscall.Errno
	if errors.As(err, &no) {
		return RecordedError{Errno: int(no)}
	}
	return RecordedError{Text: err.Error()}
}

func (e RecordedError) err() error {
	switch {
	case e.Errno != 0:
		return syscall.Errno(e.Errno)
	case e.Text != "":
		return errors.New(e.Text)
	}
	return nil
}

// asked answers each question once: what comes of it is in list, and every later answer is the same, so that the loads to
// come hear what the first one heard.
func asked[A any](mu *sync.Mutex, list map[string]A, ask func(string) A) func(string) A {
	return func(what string) A {
		mu.Lock()
		a, known := list[what]
		mu.Unlock()
		if known {
			return a
		}
		a = ask(what) // without the lock: it may take its time
		mu.Lock()
		defer mu.Unlock()
		if first, known := list[what]; known {
			return first
		}
		list[what] = a
		return a
	}
}

// Record returns an Outside that asks o, each thing once, and keeps what it says in r. Any goroutine.
func (o Outside) Record(r *Recorded) Outside {
	o = o.withDefaults()
	*r = Recorded{
		Files: map[string]RecordedFile{}, Opened: map[string]RecordedOpen{}, Globs: map[string]RecordedGlob{}, Names: map[string]RecordedName{},
		Users: map[string]RecordedUser{}, Groups: map[string]RecordedGroup{}, Facts: o.Facts(),
	}
	var mu sync.Mutex
	return r.outside(
		asked(&mu, r.Files, func(path string) RecordedFile {
			text, err := o.Read(path)
			return RecordedFile{text, recordError(err)}
		}),
		asked(&mu, r.Opened, func(path string) RecordedOpen {
			f, err := o.Open(path)
			return RecordedOpen{Err: recordError(err), file: f}
		}),
		asked(&mu, r.Globs, func(pattern string) RecordedGlob {
			paths, err := o.Glob(pattern)
			return RecordedGlob{paths, recordError(err)}
		}),
		asked(&mu, r.Names, func(host string) RecordedName {
			addrs, err := o.Lookup(host)
			return RecordedName{addrs, recordError(err)}
		}),
		asked(&mu, r.Users, func(name string) RecordedUser {
			u, err := o.User(name)
			return RecordedUser{u, recordError(err)}
		}),
		asked(&mu, r.Groups, func(name string) RecordedGroup {
			gid, err := o.Group(name)
			return RecordedGroup{gid, recordError(err)}
		}),
	)
}

// unasked is the answer to what was not asked when the recording was made: the two loads are not of one mind.
var unasked = RecordedError{Text: "it was not asked for when the configuration was first read"}

// told returns what is in a list, or that it is not there.
func told[A any](list map[string]A, missing A) func(string) A {
	return func(what string) A {
		if a, ok := list[what]; ok {
			return a
		}
		return missing
	}
}

// Outside returns the world as it was recorded, and as nothing else. Any goroutine.
func (r *Recorded) Outside() Outside {
	return r.outside(
		told(r.Files, RecordedFile{Err: unasked}), told(r.Opened, RecordedOpen{Err: unasked}), told(r.Globs, RecordedGlob{Err: unasked}), told(r.Names, RecordedName{Err: unasked}),
		told(r.Users, RecordedUser{Err: unasked}), told(r.Groups, RecordedGroup{Err: unasked}),
	)
}

// outside makes an Outside of questions whose answers can be sent: who records hears the same as who plays back.
func (r *Recorded) outside(
	file func(string) RecordedFile, open func(string) RecordedOpen, glob func(string) RecordedGlob, name func(string) RecordedName,
	user func(string) RecordedUser, group func(string) RecordedGroup,
) Outside {
	return Outside{
		Read:   func(path string) ([]byte, error) { f := file(path); return f.Text, f.Err.err() },
		Open:   func(path string) (*os.File, error) { f := open(path); return f.file, f.Err.err() },
		Glob:   func(pattern string) ([]string, error) { g := glob(pattern); return g.Paths, g.Err.err() },
		Lookup: func(host string) ([]netip.Addr, error) { n := name(host); return n.Addrs, n.Err.err() },
		User:   func(name string) (User, error) { u := user(name); return u.User, u.Err.err() },
		Group:  func(name string) (int, error) { g := group(name); return g.GID, g.Err.err() },
		Facts:  func() Facts { return r.Facts },
	}
}
