package log

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/logs"
	"weir/vars"
)

// formats are the log_formats of a build by name.
type formats struct{ byName map[string]*logFormat }

// A logFormat is a log_format, compiled.
type logFormat struct {
	parts  []vars.Part[*http.Request]
	escape logs.Escape
}

const combined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

// digits is a variable that elsewhere is what a group of a regular expression matched.
var digits = regexp.MustCompile(`\$[0-9]\w*`)

func declareFormat(call *conf.Call) error {
	f := http.Of[formats](http.Env(call))
	if f.byName == nil {
		f.byName = map[string]*logFormat{}
	}
	name := call.Arg(0)
	if name == "combined" || f.byName[name] != nil {
		return call.Errorf(0, "duplicate \"log_format\" name \"%s\"", name).After(f.first(call))
	}
	first, escape := 1, logs.EscapeDefault
	if word, ok := strings.CutPrefix(call.Arg(1), "escape="); ok {
		if escape, ok = logs.ParseEscape(word); !ok {
			return call.Errorf(1, "unknown log format escaping \"%s\"", word)
		}
		first = 2
	}
	format := &logFormat{escape: escape}
	for i := first; i < call.Len(); i++ { // a variable's name ends with its word
		if name := digits.FindString(call.Arg(i)); name != "" {
			return call.Errorf(i, "unknown \"%s\" variable", name[1:]) // there are no captures here
		}
		x, err := http.CompileText(call, i, call.Arg(i))
		if err != nil {
			return err
		}
		format.parts = append(format.parts, x.Parts()...)
	}
	f.byName[name] = format
	return nil
}

// names are the formats by name.
func (f *formats) names() []string { return append(slices.Collect(maps.Keys(f.byName)), "combined") }

// first is the log_format of the same name that stands before another, nil for the one that is always there.
func (f *formats) first(call *conf.Call) *conf.Node {
	for _, n := range call.Block().All("log_format") {
		if n != call.Node && len(n.Words) > 1 && n.Words[1].Text == call.Arg(0) {
			return n
		}
	}
	return nil
}

// find returns a format by name; "combined" is always there.
func (f *formats) find(b *http.Builder, name string) *logFormat {
	if v := f.byName[name]; v != nil || name != "combined" {
		return v
	}
	x, err := b.Vars.Compile(combined)
	if err != nil {
		return nil
	}
	v := &logFormat{parts: x.Parts()}
	if f.byName == nil {
		f.byName = map[string]*logFormat{}
	}
	f.byName[name] = v
	return v
}

func (f *logFormat) append(dst []byte, r *http.Request) []byte {
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
