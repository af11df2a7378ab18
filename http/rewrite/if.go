package rewrite

import (
	"strings"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/logs"
	"weir/vars"
)

// A condition decides about a request, and logs about patterns. An error ends the request with 500.
type condition func(r *http.Request, log bool) (bool, error)

// addIf compiles "if (condition) { … }". The block becomes a nameless location around which the
// outer one's settings hold.
func addIf(c *rewriteConf, call *conf.Call) error {
	cond, err := parseCondition(call)
	if err != nil {
		return err
	}
	body := call.Body()
	c.add(func(p *program, in *http.Install) (code, error) {
		inside := in.Builder.Nameless(in.Loc, body)
		return func(r *http.Request) (http.Verdict, bool) {
			ok, err := cond(r, p.log)
			if err != nil {
				r.Log(logs.Error, err.Error())
				return http.StatusInternal, true
			}
			if r.Debugs() {
				r.Debugf("http script if: %t", ok)
			}
			if !ok {
				return http.Next, false
			}
			return r.EnterIf(inside), false
		}, nil
	})
	return nil
}

// declareIf gives the named groups of a condition's regular expression their variables.
func declareIf(call *conf.Call) error {
	words, first, err := conditionWords(call)
	if err != nil || len(words) != 3 || !strings.Contains(words[1], "~") {
		return nil
	}
	return http.DeclareCaptures(call, first+2, words[2], strings.HasSuffix(words[1], "*"))
}

// parseCondition reads the condition.
func parseCondition(call *conf.Call) (condition, error) {
	words, first, err := conditionWords(call)
	switch {
	case err != nil:
		return nil, err
	case words[0][0] == '$':
		return variableCondition(call, words, first)
	}
	return fileCondition(call, words, first)
}

// conditionWords are the words between the parentheses, which may stand at any of them. The first is argument number first.
func conditionWords(call *conf.Call) (words []string, first int, err error) {
	words = make([]string, call.Len())
	for i := range words {
		words[i] = call.Arg(i)
	}
	if !strings.HasPrefix(words[0], "(") {
		return nil, 0, call.Errorf(0, "invalid condition \"%s\"", words[0])
	}
	if words[0] = words[0][1:]; words[0] == "" && len(words) > 1 {
		words, first = words[1:], 1
	}
	last := len(words) - 1
	end, closed := strings.CutSuffix(words[last], ")")
	switch {
	case !closed && words[last] == "": // "(" and nothing else
		return nil, 0, call.Errorf(0, "invalid condition \"(\"")
	case !closed:
		return nil, 0, call.Errorf(call.Len()-1, "invalid condition \"%s\"", words[last])
	case end == "" && last == 0:
		return nil, 0, call.Errorf(first, "invalid condition \"%s\"", words[0])
	}
	if words[last] = end; end == "" {
		words = words[:last]
	}
	if words[0] == "" {
		return nil, 0, call.Errorf(first, "invalid condition \"\"")
	}
	return words, first, nil
}

// variableCondition is "$v", "$v = text", "$v ~ regex" and their negations.
func variableCondition(call *conf.Call, words []string, first int) (condition, error) {
	name, err := vars.ParseName(words[0])
	if err != nil { // "$" and nothing else
		return nil, call.Errorf(first, "invalid condition \"%s\"", words[0])
	}
	ref := http.Env(call).Vars.Lookup(name, call.Spot(first))
	if len(words) == 1 {
		return func(r *http.Request, _ bool) (bool, error) {
			v := ref.Get(r).B
			if r.Debugs() {
				r.Debugf("http script var: \"%s\"", v)
			}
			return len(v) > 0 && (len(v) != 1 || v[0] != '0'), nil
		}, nil
	}
	if len(words) != 3 {
		return nil, call.Errorf(first, "invalid condition \"%s\"", words[0])
	}
	op := words[1]
	switch op {
	case "=", "!=":
		text, err := http.CompileText(call, first+2, words[2])
		if err != nil {
			return nil, err
		}
		equal := op == "="
		return func(r *http.Request, _ bool) (bool, error) {
			v := ref.Get(r).B
			if r.Debugs() {
				r.Debugf("http script var: \"%s\"", v)
			}
			return string(v) == string(r.QuotedText(text)) == equal, nil
		}, nil
	case "~", "~*", "!~", "!~*":
		return regexCondition(call, ref, op, words[2], first+2)
	}
	return nil, call.Errorf(first+1, "unexpected \"%s\" in condition", op)
}

func regexCondition(call *conf.Call, ref *vars.Ref[*http.Request], op, source string, arg int) (condition, error) {
	p, err := http.Env(call).Vars.Pattern(source, strings.HasSuffix(op, "*"))
	if err != nil {
		return nil, call.Errorf(arg, "%v", err)
	}
	slots, err := http.Env(call).Vars.DefineGroups(p)
	if err != nil {
		return nil, call.Errorf(arg, "%v", err)
	}
	want := op[0] != '!'
	return func(r *http.Request, log bool) (bool, error) {
		ok, err := match(r, p, slots, ref.Get(r).B, log)
		return ok == want, err
	}, nil
}

// fileCondition is "-f path" and its kin.
func fileCondition(call *conf.Call, words []string, first int) (condition, error) {
	op, want := words[0], true
	if strings.HasPrefix(op, "!") {
		op, want = op[1:], false
	}
	if len(words) != 2 || len(op) != 2 || op[0] != '-' || !strings.Contains("fdex", op[1:]) {
		return nil, call.Errorf(first, "invalid condition \"%s\"", words[0])
	}
	path, err := http.CompileText(call, first+1, call.Path(words[1]))
	if strings.HasPrefix(words[1], "$") {
		path, err = http.CompileText(call, first+1, words[1])
	}
	if err != nil {
		return nil, err
	}
	kind := op[1]
	return func(r *http.Request, _ bool) (bool, error) {
		name := r.QuotedText(path)
		i, bad := disk.Stat(r.Task, disk.PathOf(append(r.Alloc(len(name) + 1)[:0], name...)), disk.Links{})
		if bad.Failed() {
			if !bad.Is(unix.ENOENT, unix.ENOTDIR, unix.ENAMETOOLONG, unix.EACCES) {
				r.LogErr(logs.Crit, bad.Err, "stat() \""+string(name)+"\" failed")
			}
			return !want, nil
		}
		return fileIs(kind, &i) == want, nil
	}, nil
}

func fileIs(kind byte, i *disk.Info) bool {
	switch kind {
	case 'f':
		return i.IsRegular()
	case 'd':
		return i.IsDir()
	case 'x':
		return i.Mode&0o111 != 0
	}
	return true
}
