package content

import (
	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// precompressedConf is one of gzip_static, brotli_static and zstd_static in one place.
type precompressedConf struct{ mode precompressedMode }

type precompressedMode uint8

const (
	precompressedOff precompressedMode = iota
	precompressedOn
	precompressedAlways
)

// GzipStatic is nginx's gzip_static module.
var GzipStatic = precompressedModule("gzip", "nginx's module gzip_static", precompressedForm{name: "gzip", suffix: ".gz", rank: 1})

// BrotliStatic has the directive of ngx_brotli's static module.
var BrotliStatic = precompressedModule("brotli", "the static module of ngx_brotli", precompressedForm{name: "br", suffix: ".br", rank: 3})

// ZstdStatic has the directive of zstd-nginx-module's static module.
var ZstdStatic = precompressedModule("zstd", "the static module of zstd-nginx-module", precompressedForm{name: "zstd", suffix: ".zst", rank: 2})

func precompressedModule(word, whose string, form precompressedForm) *http.Module {
	form.coding = []byte(form.name)
	return http.Define(http.Spec[precompressedConf]{
		Name: "http_" + word + "_static",
		Doc:  "Answers with files that were compressed beforehand, as " + whose + " does.",
		Directives: []conf.Directive[precompressedConf]{{
			Name: word + "_static", In: inLoc, Syntax: "on | off | always", Default: "off",
			Doc: "Whether `FILE" + form.suffix + "` is sent in place of FILE if it exists: **on** to clients that take it, **always** to all. " +
				"Of several such files that one is sent which the client likes best, and of those it likes equally brotli's, then zstd's, then gzip's.",
			Example: "location /assets/ { " + word + "_static on; }",
			Set: conf.Enum(func(c *precompressedConf) *precompressedMode { return &c.mode },
				map[string]precompressedMode{"on": precompressedOn, "off": precompressedOff, "always": precompressedAlways}),
		}},
		Install: func(c *precompressedConf, in *http.Install) error {
			if c.mode != precompressedOff {
				form := form
				form.always = c.mode == precompressedAlways
				installPrecompressed(form, in)
			}
			return nil
		},
	})
}

// A precompressedForm is a file beside a file.
type precompressedForm struct {
	name   string // of the coding
	coding []byte
	suffix string
	rank   int // among those that the client likes equally well the highest comes first
	always bool
}

// precompressed are the forms that are looked for in one location, those of higher rank first.
type precompressed struct {
	static
	forms []precompressedForm
}

// precompressedAt is the location that was equipped last.
type precompressedAt struct {
	loc  *http.Location
	made *precompressed
}

func installPrecompressed(form precompressedForm, in *http.Install) {
	at := http.Of[precompressedAt](in.Builder)
	if at.loc != in.Loc {
		files := openerIn(in)
		at.loc, at.made = in.Loc, &precompressed{static: static{files}}
		in.Step(http.Content, at.made.serve)
	}
	forms := append(at.made.forms, form)
	for i := len(forms) - 1; i > 0 && forms[i].rank > forms[i-1].rank; i-- {
		forms[i], forms[i-1] = forms[i-1], forms[i]
	}
	at.made.forms = forms
}

// serve answers with the form that the client likes best of those that are there.
func (s *precompressed) serve(r *http.Request) http.Verdict {
	if n := len(r.URI); r.Method&(http.GET|http.HEAD) == 0 || n > 0 && r.URI[n-1] == '/' {
		return http.Next
	}
	var plain disk.Path
	for below := 1001; ; {
		form, weight := s.next(r, below)
		if form == nil {
			return http.Next
		}
		if weight == 0 && !r.Loc.Core.GzipVary {
			return http.Next // nobody would hear that there is such a file
		}
		if plain == nil {
			var v http.Verdict
			if plain, v = pathOf(r); v != http.Next {
				return v
			}
		}
		for i := range s.forms {
			if f := &s.forms[i]; f.weight(r) == weight {
				if v := s.try(r, fullPath(r, plain.Text(), []byte(f.suffix)), f, weight); v != http.Next {
					return v
				}
			}
		}
		below = weight
	}
}

// next returns the first form of the highest weight that is below another one.
func (s *precompressed) next(r *http.Request, below int) (best *precompressedForm, weight int) {
	weight = -1
	for i := range s.forms {
		if w := s.forms[i].weight(r); w < below && w > weight {
			best, weight = &s.forms[i], w
		}
	}
	return best, weight
}

// weight is how well the client likes a form, in thousandths. What is sent to all comes after what it asks for.
func (f *precompressedForm) weight(r *http.Request) int {
	w := 0
	if f.name != "gzip" {
		w = field.AcceptsCoding(r.In.Get(field.AcceptEncoding), f.name)
	} else if r.Loc.Core.GzipOK(r) {
		w = field.AcceptsCoding(r.In.Get(field.AcceptEncoding), f.name)
	}
	if w == 0 && f.always {
		w = 1
	}
	if r.IsSub() && !f.always {
		w = 0
	}
	return w
}

// try answers with a form if it is there and the client takes it.
func (s *precompressed) try(r *http.Request, p disk.Path, form *precompressedForm, weight int) http.Verdict {
	if r.Debugs() {
		r.Debugf("http filename: \"%s\"", p.Text())
	}
	f, bad := s.open(r, p)
	switch {
	case bad.Is(unix.ENOENT, unix.ENOTDIR, unix.ENAMETOOLONG):
		return http.Next
	case bad.Failed():
		level := logs.Crit
		if bad.Is(unix.EACCES, unix.ELOOP, unix.EMLINK) {
			level = logs.Error
		}
		r.LogErr(level, bad.Err, bad.Op+" \""+string(p.Text())+"\" failed")
		return http.Next
	}
	if !form.always {
		r.Out.CodingVaries = true
	}
	switch {
	case weight == 0, f.info.IsDir():
		f.close()
		return http.Next
	case !f.info.IsRegular():
		f.close()
		r.Logf(logs.Crit, "\"%s\" is not a regular file", p.Text())
		return http.StatusNotFound
	}
	if v := s.begin(r, &f.info, appendETag(r.Alloc(40)[:0], &f.info), form.coding); v != http.Next {
		f.close()
		return v
	}
	return s.sendFile(r, p, f)
}
