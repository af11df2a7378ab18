package listen

import (
	"errors"
	"time"

	"weir/logs"

	"golang.org/x/sys/unix"
)

// An Opener opens many sockets, trying again while others still hold the addresses.
type Opener struct {
	Tries int                            // how often; 0 means 5
	Delay time.Duration                  // between tries; 0 means 500ms
	Sleep func(time.Duration)            // nil means time.Sleep
	Log   func(v logs.Level, msg string) // is told of every failure; may be nil
}

// ErrBind is returned after the last try.
var ErrBind = errors.New("still could not bind()")

// OpenAll opens a socket for each Spec. An address in use is tried again a few times; any other
// failure ends it at once. On an error no socket is left open.
func (o Opener) OpenAll(specs []Spec) ([]int, error) {
	o = o.withDefaults()
	fds := make([]int, len(specs))
	for i := range fds {
		fds[i] = -1
	}
	for range o.Tries {
		again, err := o.pass(specs, fds)
		if err == nil && !again {
			return fds, nil
		}
		if err != nil {
			CloseAll(fds)
			return nil, err
		}
		o.Log(logs.Notice, "try again to bind() after "+itoa(int(o.Delay.Milliseconds()))+"ms")
		o.Sleep(o.Delay)
	}
	o.Log(logs.Emerg, ErrBind.Error())
	CloseAll(fds)
	return nil, ErrBind
}

// Check tries whether sockets could be opened, for a test of a configuration. Addresses in use are
// none of its business: the server that is being configured may have them. Nothing stays open.
func (o Opener) Check(specs []Spec) error {
	o = o.withDefaults()
	for _, s := range specs {
		fd, err := open(s, false, o.alert)
		if InUse(err) {
			continue
		}
		if err != nil {
			o.Log(logs.Emerg, err.Error())
			return err
		}
		unix.Close(fd)
		_ = Remove(s)
	}
	return nil
}

func (o Opener) alert(err error) { o.Log(logs.Alert, err.Error()) }

func (o Opener) withDefaults() Opener {
	if o.Tries == 0 {
		o.Tries = 5
	}
	if o.Delay == 0 {
		o.Delay = 500 * time.Millisecond
	}
	if o.Sleep == nil {
		o.Sleep = time.Sleep
	}
	if o.Log == nil {
		o.Log = func(logs.Level, string) {}
	}
	return o
}

// pass tries every socket that is not open yet.
func (o Opener) pass(specs []Spec, fds []int) (again bool, err error) {
	for i, s := range specs {
		if fds[i] >= 0 {
			continue
		}
		fd, err := open(s, true, o.alert)
		if err == nil {
			fds[i] = fd
			continue
		}
		o.Log(logs.Emerg, err.Error())
		if !InUse(err) {
			return false, err
		}
		again = true
	}
	return again, nil
}
