package script

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/weirtest"
)

// last is the answer that the checks look at.
func (r *run) last() *weirtest.Answer {
	if len(r.answers) == 0 {
		r.fail("there is no answer")
	}
	return r.answers[len(r.answers)-1]
}

func runStatus(r *run, args []string) {
	var got []string
	for _, a := range r.answers {
		got = append(got, strconv.Itoa(a.Status))
	}
	if len(got) == 0 {
		got = []string{"none"}
	}
	r.want(slices.Equal(got, args), "status %s, got %s", strings.Join(args, " "), strings.Join(got, " "))
}

func runHeader(r *run, args []string) {
	r.field("header", r.last().Headers, args)
}

func runTrailer(r *run, args []string) {
	r.field("trailer", r.last().Trailers, args)
}

func (r *run) field(kind string, fields []weirtest.Header, args []string) {
	var values []string
	for _, h := range fields {
		if strings.EqualFold(h.Name, args[0]) {
			values = append(values, h.Value)
		}
	}
	value := strings.Join(values, ", ")
	if len(args) == 1 {
		r.want(len(values) > 0, "a %s %s; got %q", kind, args[0], value)
		return
	}
	re := r.whole(args[1])
	r.want(len(values) > 0 && re.MatchString(value), "%s %s: %s; got %q (%d of them)", kind, args[0], args[1], value, len(values))
}

// whole compiles a pattern that must match everything.
func (r *run) whole(pattern string) *regexp.Regexp {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	r.must(err)
	return re
}

func text(body []byte) string { return strings.TrimSuffix(string(body), "\n") }

func runBody(r *run, args []string) {
	want, got := weirtest.Unescape(strings.Join(args, " ")), text(r.last().Body)
	r.want(want == got, "body %q, got %q", want, got)
}

func runBodyMatch(r *run, args []string) {
	re, err := regexp.Compile(args[0])
	r.must(err)
	body := r.last().Body
	r.want(re.Match(body), "a body that matches %s, got:\n%.2000s", args[0], body)
}

func runBodyFile(r *run, args []string) {
	want, err := os.ReadFile(r.ts.MkAbs(args[0]))
	r.must(err)
	got := r.last().Body
	r.want(bytes.Equal(want, got), "the %d bytes of %s, got %d bytes, %s", len(want), args[0], len(got), difference(want, got))
}

func difference(a, b []byte) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("different from byte %d on", i)
		}
	}
	return "equal as far as both go"
}

func runBodies(r *run, args []string) {
	var got []string
	for _, a := range r.answers {
		got = append(got, text(a.Body))
	}
	r.want(slices.Equal(got, args), "bodies %q, got %q", args, got)
}

func runSize(r *run, args []string) {
	want, got := len(weirtest.Pattern(args[0])), len(r.last().Body)
	r.want(want == got, "a body of %d bytes, got %d", want, got)
}

func runCut(r *run, _ []string) {
	err := r.last().Cut
	r.want(err != nil, "a body cut short; got %d bytes, %v", len(r.last().Body), err)
}

func runTook(r *run, args []string) {
	lo, err := time.ParseDuration(args[0])
	r.must(err)
	hi, err := time.ParseDuration(args[1])
	r.must(err)
	if r.took < lo || r.took >= hi {
		r.fail("took %v, wanted at least %v and less than %v", r.took, lo, hi)
	}
}

func runLog(r *run, args []string) {
	re, err := regexp.Compile(args[1])
	r.must(err)
	path := r.ts.MkAbs(args[0])
	if r.neg {
		i := slices.IndexFunc(weirtest.Lines(path), re.MatchString)
		if i >= 0 {
			r.fail("wanted no line that matches %q, have: %s", re, weirtest.Lines(path)[i])
		}
		return
	}
	line, err := weirtest.WaitLine(path, re)
	r.must(err)
	r.ts.Logf("%s", line)
}

func runLines(r *run, args []string) {
	want, err := strconv.Atoi(args[1])
	r.must(err)
	re := regexp.MustCompile("")
	if len(args) > 2 {
		re, err = regexp.Compile(args[2])
		r.must(err)
	}
	var got []string
	ok := weirtest.Eventually(func() bool {
		got = slices.DeleteFunc(weirtest.Lines(r.ts.MkAbs(args[0])), func(l string) bool { return !re.MatchString(l) })
		return len(got) >= want
	})
	if !ok || len(got) != want {
		r.fail("wanted %d lines, have %d:\n%s", want, len(got), strings.Join(got, "\n"))
	}
}
