package http

import (
	"path/filepath"
	"strings"

	"weir/conf"
	"weir/disk"
	"weir/load"
)

// CreateTemp makes a temporary file in p, which lives as long as the request. keep leaves it its name and place after that; named is for one
// that is to be moved. For the request's task.
func (r *Request) CreateTemp(p *disk.TempPath, keep, named bool) (*disk.TempFile, error) {
	f, err := r.App.Temp.Create(r.Task, p, keep, named)
	if err == nil {
		r.OnEnd(tempCloser{f})
	}
	return f, err
}

type tempCloser struct{ file *disk.TempFile }

// CloseWith closes the file (Closer).
func (c tempCloser) CloseWith(r *Request) { c.file.Close(r.Task) }

// maxLevels is how many digits of a number the levels can have: all of them.
const maxLevels = 10

// TempPathSlot is a slot for the folder of temporary files and the widths of its levels.
func TempPathSlot[C any](f func(*C) **disk.TempPath) func(*C, *conf.Call) error {
	return func(c *C, call *conf.Call) error {
		p := &disk.TempPath{Dir: call.Arg(0)}
		if !strings.HasPrefix(p.Dir, "/") {
			under := load.Of(call).Prefix
			if call.IsDefault() {
				under = load.Of(call).TempPrefix
			}
			p.Dir = filepath.Join(under, p.Dir)
		}
		for i := 1; i < call.Len(); i++ {
			level, err := conf.ParseInt(call.Arg(i))
			if err != nil || level == 0 {
				return call.Invalid(i, "invalid value")
			}
			p.Levels[i-1] = min(level, maxLevels+1)
		}
		if p.Levels[0]+p.Levels[1]+p.Levels[2] > maxLevels {
			return call.Invalid(-1, "invalid value")
		}
		*f(c) = p
		return nil
	}
}
