package conf

import (
	"math/rand"
	"strconv"
)

// Generate makes a list of arguments that obeys the syntax line, for tests.
func (e *Entry) Generate(r *rand.Rand) []string {
	f := e.grammar.forms[r.Intn(len(e.grammar.forms))]
	if f.free {
		return makeArgs(r, f.min)
	}
	var args []string
	for _, x := range f.lead {
		args = append(args, x.generate(r)...)
	}
	var keys []string
	for _, k := range f.keys {
		if k.required || r.Intn(3) == 0 {
			keys = append(keys, k.generate(r))
		}
	}
	// Keywords may stand anywhere after the leading words; values keep their order.
	var rest []string
	for _, x := range f.rest {
		rest = append(rest, x.generate(r)...)
	}
	for len(keys)+len(rest) > 0 {
		from := &keys
		if len(keys) == 0 || len(rest) > 0 && r.Intn(2) == 0 {
			from = &rest
		}
		args = append(args, (*from)[0])
		*from = (*from)[1:]
	}
	if f.max >= 0 && len(args) > f.max {
		args = args[:f.max]
	}
	return args
}

func makeArgs(r *rand.Rand, n int) []string {
	args := make([]string, n)
	for i := range args {
		args[i] = string(rune('a' + r.Intn(26)))
	}
	return args
}

func (e *elem) generate(r *rand.Rand) []string {
	if e.opt && r.Intn(2) == 0 {
		return nil
	}
	times := 1
	if e.rep {
		times += r.Intn(3)
		if e.times > 0 {
			times = min(times, e.times)
		}
	}
	var args []string
	for range times {
		if e.sub == nil {
			args = append(args, e.atoms[r.Intn(len(e.atoms))].generate(r))
			continue
		}
		for _, x := range e.sub {
			args = append(args, x.generate(r)...)
		}
	}
	return args
}

func (a *atom) generate(r *rand.Rand) string {
	return generatePieces(r, a.alts[r.Intn(len(a.alts))])
}

func generatePieces(r *rand.Rand, pieces []piece) string {
	s := ""
	for _, p := range pieces {
		switch {
		case p.lit != "":
			s += p.lit
		case p.val != nil:
			s += p.val.generate(r)
		case r.Intn(2) == 0:
			s += generatePieces(r, p.opt)
		}
	}
	return s
}

func (v *value) generate(r *rand.Rand) string {
	pick := func(words ...string) string { return words[r.Intn(len(words))] }
	switch v.typ {
	case "number":
		if v.ranged {
			high := v.max
			if high < 0 {
				high = v.min + 1000
			}
			return strconv.Itoa(v.min + r.Intn(high-v.min+1))
		}
		return strconv.Itoa(r.Intn(1000))
	case "size":
		return pick("0", "1", "4k", "8m", "1024")
	case "offset":
		return pick("0", "1", "4k", "8m", "2g")
	case "time":
		return pick("0", "1s", "1h30m", "500ms")
	case "seconds":
		return pick("0", "1s", "1h30m", "1y")
	case "rate":
		return pick("1r/s", "30r/m")
	case "path":
		return pick("/tmp/x", "html")
	case "addr":
		return pick("127.0.0.1", "127.0.0.1:8080", "unix:/tmp/s")
	case "uri":
		return pick("/", "/a/b")
	case "text":
		return pick("x", "$host", "${host}-x")
	}
	return pick("x", "name", "a-b")
}

// Spoil makes one change to a list of arguments: the result is often wrong.
func (e *Entry) Spoil(r *rand.Rand, args []string) []string {
	args = append([]string(nil), args...)
	if len(args) == 0 || r.Intn(4) == 0 {
		return append(args, "spoilt")
	}
	i := r.Intn(len(args))
	switch r.Intn(3) {
	case 0:
		return append(args[:i], args[i+1:]...)
	case 1:
		args[i] += "~"
	default:
		args[i] = "-1"
	}
	return args
}

// CheckArgs returns nginx's sentence for what is wrong with the arguments, or "".
func (e *Entry) CheckArgs(args []string) string {
	words := make([]Word, len(args))
	for i, a := range args {
		words[i] = Word{Text: a, Pos: nowhere}
	}
	if _, bad := e.grammar.match(e.Name, words); bad != nil {
		return bad.text
	}
	return ""
}
