package content

import (
	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// FLV is nginx's flv module: a Flash video from any byte on.
var FLV = http.Define(http.Spec[flvConf]{
	Name: "http_flv",
	Doc:  "Sends Flash videos from the byte on that the argument `start` names.",
	Directives: []conf.Directive[flvConf]{{
		Name: "flv", In: conf.Location, Inherit: conf.Never, Syntax: "", Repeat: true,
		Doc:     "Sends files from the byte on that the argument `start` of the request names, with the head of a Flash video before it.",
		Example: "location ~ \\.flv$ { flv; }",
		Set:     func(c *flvConf, _ *conf.Call) error { c.on = true; return nil },
	}},
	Install: func(c *flvConf, in *http.Install) error {
		if c.on {
			in.Step(http.Content, flvFiles{static{openerIn(in)}}.serve)
		}
		return nil
	},
})

type flvConf struct{ on bool }

// openerIn is the opener of the location that is being equipped.
func openerIn(in *http.Install) *opener {
	return openerOf(conf.Settings[staticConf](in.Builder.Scopes, Static.Conf, in.Block), in.Builder)
}

// flvFiles serves the Flash videos of one location.
type flvFiles struct{ static }

// flvHead is what a Flash video with sound and picture begins with.
var flvHead = []byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00")

func (s flvFiles) serve(r *http.Request) http.Verdict {
	f, v := s.openMedia(r, "flv")
	if v != http.Next || f.fd < 0 {
		return v
	}
	o := s.outgoing()
	o.file = f
	r.OnEnd(o)
	var pieces [2]http.Piece
	body := pieces[:0]
	start := int64(0)
	if arg, ok := r.Arg("start"); ok {
		if n, err := conf.ParseOffset(string(arg)); err == nil && n < f.info.Size && digits(arg) {
			start = n
		}
	}
	length := f.info.Size - start
	if start > 0 {
		body = append(body, http.Mem(flvHead))
		length += int64(len(flvHead))
	}
	if f.info.Size > 0 {
		body = append(body, http.File(f.fd, start, f.info.Size-start))
	}
	r.Doing = "sending flv to client"
	if v := s.mediaHead(r, &f, length); v != http.Next {
		return v
	}
	return r.SendAll(body)
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// openMedia opens the file that the URI names, for the modules that send parts of files. With Next and no descriptor it is for others to
// answer. The file is the caller's.
func (s static) openMedia(r *http.Request, kind string) (f file, v http.Verdict) {
	f.fd = -1
	if r.Method&(http.GET|http.HEAD) == 0 {
		return f, http.StatusNotAllowed
	}
	if n := len(r.URI); n > 0 && r.URI[n-1] == '/' {
		return f, http.Next
	}
	if v := r.DiscardBody(); v != http.Next {
		return f, v
	}
	p, v := pathOf(r)
	if v != http.Next {
		return f, v
	}
	if r.Debugs() {
		r.Debugf("http %s filename: \"%s\"", kind, p.Text())
	}
	opened, bad := s.open(r, p)
	if bad.Failed() {
		return f, notOpened(r, p, bad)
	}
	if !opened.info.IsRegular() {
		opened.close()
		return f, http.Next
	}
	return opened, http.Next
}

// mediaHead sends the head of a response made of a file.
func (s static) mediaHead(r *http.Request, f *file, length int64) http.Verdict {
	o := &r.Out
	o.Status = 200
	o.ContentLength = length
	o.LastModified = f.info.Mtime.Sec
	o.AllowRanges = true
	if r.Loc.Core.ETag {
		o.AddField(field.ETag, etagName, appendETag(r.Alloc(40)[:0], &f.info))
	}
	r.SetContentType()
	return r.SendHead()
}
