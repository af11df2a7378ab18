package proxy

import (
	"weir/http"
	"weir/logs"
)

// spill writes the pieces to the temporary file. They are parts of one buffer, in its order, so they
// are moved together first.
func (p *pipe) spill() error {
	x := p.x
	r := x.r
	if p.file == nil {
		f, err := r.CreateTemp(x.conf.TempPath, false, false)
		if err != nil {
			r.LogErr(logs.Crit, err, "open() \""+x.conf.TempPath.Dir+"\" failed")
			return errFraming
		}
		r.Logf(logs.Warn, "an upstream response is buffered to a temporary file %s", f.Path)
		p.file = f
		r.OnEnd(f)
	}
	data := x.pieces[0].B
	for i := 1; i < len(x.pieces); i++ {
		data = append(data[:len(data):cap(x.pieces[0].B)], x.pieces[i].B...)
	}
	err := p.file.Append(r, data)
	for i := range x.pieces {
		if own := x.pieces[i].Own; own != nil {
			r.Loop().Give(own)
		}
	}
	x.pieces = x.pieces[:0]
	if err != nil {
		r.LogErr(logs.Crit, err, "pwrite() \""+p.file.Path+"\" failed")
		return errFraming
	}
	return nil
}

// giveFile makes a piece of what the wire has not got of the file, before the pieces there are.
func (p *pipe) giveFile() {
	if p.file == nil || p.given == p.file.Size {
		return
	}
	x := p.x
	x.pieces = append(x.pieces, http.Piece{})
	copy(x.pieces[1:], x.pieces)
	x.pieces[0] = http.File(p.file.FD(), p.given, p.file.Size-p.given)
	p.given = p.file.Size
}
