package filter

import (
	"bytes"
	"errors"

	"weir/http"
	"weir/http/url"
	"weir/logs"
)

// include shows another page here, or keeps it in a variable.
func (g *page) include(r *http.Request) (bool, error) {
	value, virtual := g.param("virtual")
	file, isFile := g.param("file")
	switch {
	case virtual && isFile:
		r.Logf(logs.Error, "inclusion may be either virtual=\"%s\" or file=\"%s\"", value, file)
		return false, nil
	case !virtual && !isFile:
		r.Log(logs.Error, "no parameter in \"include\" SSI command")
		return false, nil
	case isFile:
		value = file
	}
	set, hasSet := g.param("set")
	stub, hasStub := g.param("stub")
	if hasSet && hasStub {
		r.Log(logs.Error, "\"set\" and \"stub\" cannot be used together in \"include\" SSI command")
		return false, nil
	}
	if v, ok := g.param("wait"); ok && string(v) != "yes" && string(v) != "no" {
		r.Logf(logs.Error, "invalid value \"%s\" in the \"wait\" parameter", v)
		return false, nil
	}
	uri, args, ok := g.target(r, value)
	if !ok {
		return false, nil
	}
	switch {
	case hasSet:
		return g.includeInto(r, uri, args, set)
	case hasStub:
		return g.includeOr(r, uri, args, stub)
	}
	return g.ask(r, uri, args, http.SubrequestOptions{Into: g.place + 1})
}

// ask makes a subrequest whose answer goes behind what was written so far.
func (g *page) ask(r *http.Request, uri, args []byte, o http.SubrequestOptions) (bool, error) {
	if err := g.flush(r); err != nil {
		return false, err
	}
	_, err := r.Subrequest(uri, args, o)
	if errors.Is(err, http.ErrSubrequest) {
		return false, nil
	}
	return true, err
}

// includeOr shows a block instead if the answer is an error or empty.
func (g *page) includeOr(r *http.Request, uri, args, name []byte) (bool, error) {
	for i := range g.shared.blocks {
		if b := &g.shared.blocks[i]; bytes.Equal(b.name, name) {
			text := b.text
			return g.ask(r, uri, args, http.SubrequestOptions{Into: g.place + 1, Stub: func(sub *http.Request) error {
				if len(text) == 0 {
					return sub.SendStub(nil)
				}
				return sub.SendStub([]http.Piece{http.Mem(text)})
			}})
		}
	}
	r.Logf(logs.Error, "\"stub\"=\"%s\" for \"include\" not found", name)
	return false, nil
}

// includeInto keeps the answer in a variable, which is empty if it is an error.
func (g *page) includeInto(r *http.Request, uri, args, name []byte) (bool, error) {
	name = r.Main().Copy(r.Lower(name))
	g.shared.set(name, nil)
	sub, err := r.Subrequest(uri, args, http.SubrequestOptions{Capture: true})
	if errors.Is(err, http.ErrSubrequest) {
		return false, nil
	}
	if err == nil && sub.Out.Status < 300 {
		g.shared.set(name, sub.Captured())
	}
	return true, err
}

// target makes URI and arguments of the value of an include. A URI that is not absolute begins where
// that of the page is.
func (g *page) target(r *http.Request, value []byte) (uri, args []byte, ok bool) {
	text, ok := g.text(r, value)
	if !ok {
		return nil, nil, false
	}
	if len(text) == 0 && len(value) == 0 || len(text) > 0 && text[0] != '/' {
		dir := r.URI[:bytes.LastIndexByte(r.URI, '/')+1]
		text = r.Main().Concat(dir, text)
	}
	path, args, _ := bytes.Cut(text, []byte("?"))
	path = url.Unescape(path)
	if len(path) == 0 || url.Climbs(path) {
		r.Logf(logs.Error, "unsafe URI \"%s\" was detected", path)
		return nil, nil, false
	}
	return path, args, true
}
