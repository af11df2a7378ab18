package accesslog

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"weir/conf"
	"weir/logs"
	"weir/vars"
)

// formats are the log_formats of a load by name.
type formats[R any] struct{ byName map[string]*format[R] }

// A format is a log_format, compiled.
type format[R any] struct {
	parts  []vars.Part[R]
	escape logs.Escape
}

// combined is the name of the format that holds where none is named.
const combined = "combined"

// digits is a variable that elsewhere is what a group of a regular expression matched.
var digits = regexp.MustCompile(`\$[0-9]\w*`)

// declareFormat reads one log_format.
func declareFormat[R Subject[R]](call *conf.Call, in Front[R]) error {
	all := in.formats()
	name := call.Arg(0)
	if name == combined && in.Combined != "" || all.byName[name] != nil {
		return call.Errorf(0, "duplicate \"log_format\" name \"%s\"", name).After(firstFormat(call))
	}
	first, escape := 1, logs.EscapeDefault
	if word, ok := strings.CutPrefix(call.Arg(1), "escape="); ok {
		if escape, ok = logs.ParseEscape(word); !ok {
			return call.Errorf(1, "unknown log format escaping \"%s\"", word)
		}
		first = 2
	}
	f := &format[R]{escape: escape}
	for i := first; i < call.Len(); i++ { // a variable's name ends with its word
		if name := digits.FindString(call.Arg(i)); name != "" {
			return call.Errorf(i, "unknown \"%s\" variable", name[1:]) // there are no captures here
		}
		x, err := in.compile(call, i, call.Arg(i))
		if err != nil {
			return err
		}
		f.parts = append(f.parts, x.Parts()...)
	}
	all.put(name, f)
	return nil
}

func (all *formats[R]) put(name string, f *format[R]) {
	if all.byName == nil {
		all.byName = map[string]*format[R]{}
	}
	all.byName[name] = f
}

// firstFormat is the log_format of the same name that stands before another, nil for the one that is always there.
func firstFormat(call *conf.Call) *conf.Node {
	for _, n := range call.Block().All("log_format") {
		if n != call.Node && len(n.Words) > 1 && n.Words[1].Text == call.Arg(0) {
			return n
		}
	}
	return nil
}

// formatNames are the names of all formats.
func (f *Front[R]) formatNames() []string {
	names := slices.Collect(maps.Keys(f.formats().byName))
	if f.Combined != "" {
		names = append(names, combined)
	}
	return names
}

// format returns a format by name, nil where there is none.
func (f *Front[R]) format(name string) *format[R] {
	all := f.formats()
	if v := all.byName[name]; v != nil || name != combined || f.Combined == "" {
		return v
	}
	x, err := f.Vars.Compile(f.Combined)
	if err != nil {
		return nil
	}
	v := &format[R]{parts: x.Parts()}
	all.put(name, v)
	return v
}

// append appends the line about r.
func (f *format[R]) append(dst []byte, r R) []byte {
	for i := range f.parts {
		p := &f.parts[i]
		if p.Ref == nil {
			dst = append(dst, p.Lit...)
			continue
		}
		v := p.Ref.Get(r)
		if v.Missing {
			dst = logs.AppendMissing(dst, f.escape)
			continue
		}
		dst = logs.AppendEscaped(dst, v.B, f.escape)
	}
	return dst
}
