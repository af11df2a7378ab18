package cycle

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"weir/conf"
	"weir/disk"
	"weir/logs"
)

var (
	updateVerdicts = flag.Bool("update", false, "write what nginx says into testdata/verdicts.txt")
	every          = flag.Uint("every", 211, "how many of the cases of TestEveryValue one stands for; 1 tries all")
	piece          = flag.Uint("piece", 0, "which of so many: -every=10 with the pieces 0 to 9 tries all")
	sentences      = flag.Bool("sentences", false, "compare what is said of a file that both refuse, too")
)

// TestEveryValue gives every directive of the table values of every kind, in every place, and compares what nginx says of the
// file with what weir does. It needs tens of thousands of runs of nginx; -every=1 takes all, else one stands
// for several of its directive.
func TestEveryValue(t *testing.T) {
	nginx := nginxBinary()
	if nginx == "" {
		t.Skip("no nginx here")
	}
	excepted := readExceptions(t, nginx)
	cases := valueCases(t)
	cases = slices.DeleteFunc(cases, func(c valueCase) bool { return !c.always && uint(c.number)%*every != *piece%*every })
	t.Logf("%d files for %s", len(cases), nginx)
	next := make(chan valueCase)
	var mu sync.Mutex
	var found []string
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		j := newJudge(t, nginx)
		workers.Go(func() {
			for c := range next {
				theirs, ours := j.nginx(c.text), j.weir(c.text)
				if ours == theirs || !j.differs(theirs, ours) {
					continue
				}
				mu.Lock()
				found = append(found, fmt.Sprintf("%s: %s\n\tnginx: %s\n\tweir:  %s", c.place, c.line, theirs, ours))
				mu.Unlock()
			}
		})
	}
	for _, c := range cases {
		if !excepted.has(c) {
			next <- c
		}
	}
	close(next)
	workers.Wait()
	sort.Strings(found)
	for _, f := range found {
		t.Error(f)
	}
}

// A valueCase is a file to be compared.
type valueCase struct {
	place  string
	line   string // the directive in question
	text   string
	number uint32
	always bool
}

// A valuePlace is a file around a directive.
type valuePlace struct {
	in   conf.Context
	name string
	text string
}

func (p valuePlace) around(line string) string {
	return strings.Replace(strings.Replace(p.text, "HTTP", httpAround, 1), "@", line, 1)
}

var valuePlaces = []valuePlace{
	{conf.Location, "location", "events {} http { HTTP server { set $v 1; location ~ ^.x { } location /in { @ } } }"},
	{conf.LocationIf, "if in location", "events {} http { HTTP server { location /in { if ($host) { @ } } } }"},
	{conf.LimitExcept, "limit_except", "events {} http { HTTP server { location /in { limit_except GET { @ } } } }"},
	{conf.Server, "server", "events {} http { HTTP server { @ location / { } } }"},
	{conf.ServerIf, "if in server", "events {} http { HTTP server { if ($host) { @ } } }"},
	{conf.HTTP, "http", "events {} http { HTTP @ server { location / { } } }"},
	{conf.Upstream, "upstream", "events {} http { upstream u { server 127.0.0.1:2; @ } server { } }"},
	{conf.Events, "events", "events { @ } http { }"},
	{conf.Main, "main", "@ events {} http { }"},
}

const httpAround = "limit_req_zone $binary_remote_addr zone=one:1m rate=1r/s; upstream app { server 127.0.0.1:1; } " +
	"map $host $mapped { default 1; } log_format short '$host';"

// values are of every kind; DIR is the folder of the server.
var values = strings.Split(strings.ReplaceAll(`
|0|1|-1|+1|2|10|007|099|0x10|1.5|1e3|1k|1K|8k|1m|1M|1g|1G|1kb|10mb|8b|1kk|k|m
|1s|1ms|500ms|1h|1d|1w|1y|1m30s|30s1m|1h 30m|1 s|1s1s|-1s|+1s|1.5s|1sec
|on|off|ON|oFF|On|auto|none|always|max|min|default|any|all
|2147483647|2147483648|4294967295|4294967296|9223372036854775807|9223372036854775808|-9223372036854775808|18446744073709551616
|99999999999g|9007199254740993k|8796093022207m|8589934591g|106751991168d
|$host|\${host}|$nosuch|a$|$|a$host|$1|\${|\${}|\${host|$http_x|$arg_|$mapped
|x|x=|=|=1|x=1|=404|404|599|600|99|-404|@name|@nosuch|~x|~*x|~(|~|/x|x/y|DIR/y|*|.|..|!|!x
|127.0.0.1|127.0.0.1:80|127.0.0.1:0|127.0.0.1:99999|127.0.0.1:x|127.0.0|127.0.0.256|[::1]|[::1]:80|::1|[::1|10.0.0.0/8|10.0.0.1/8|10.0.0.0/33|::/0|2001:db8::1/32|unix:|unix:DIR/s|localhost|localhost:80|:80|*:80
|http://x|http://127.0.0.1:1/|HTTP://127.0.0.1|http://|https://127.0.0.1|ftp://x/
|1r/s|1r/m|0r/s|1r/h|r/s|10|-1r/s|one:1m|one:|:1m|one:1k|new:32k|text/html|a b|é|a;b|a"b|'|\|#`[1:], "\n", ""), "|")

// valueCases makes all files.
func valueCases(t *testing.T) []valueCase {
	bases := readBases(t)
	random := rand.New(rand.NewSource(1)) // the same each time
	var all []valueCase
	seen := map[string]bool{}
	add := func(place int, line string, always bool) {
		p := valuePlaces[place]
		text := p.around(line)
		if seen[text] {
			return
		}
		seen[text] = true
		h := fnv.New32a()
		_, _ = h.Write([]byte(text))
		all = append(all, valueCase{place: p.name, line: line, text: text, number: h.Sum32(), always: always})
	}
	for _, m := range Table().Modules() {
		for _, e := range m.Entries {
			if e.Support == conf.Missing || e.In == conf.Match { // a block that nginx has only in its commercial version
				continue
			}
			own := slices.IndexFunc(valuePlaces, func(p valuePlace) bool { return e.In&p.in != 0 })
			if own < 0 {
				t.Errorf("no place for %s", e.Name)
				continue
			}
			lines := bases[e.Name]
			if len(lines) == 0 && e.Default != "" {
				lines = []base{{words: append([]string{e.Name}, strings.Fields(e.Default)...)}}
			}
			if len(lines) == 0 {
				lines = likeProxy(bases, e.Name)
			}
			if len(lines) == 0 {
				lines = []base{{words: append([]string{e.Name}, e.Generate(random)...), block: e.HasBlock()}}
			}
			for _, b := range lines {
				if e.HasBlock() != b.block {
					continue // server in http, and in upstream
				}
				for place := range valuePlaces {
					add(place, b.line(), place == own)
				}
				for _, line := range b.variants() {
					add(own, line, false)
				}
			}
		}
	}
	return all
}

// likeProxy makes the lines of a directive of FastCGI and its kin of those of proxy_.
func likeProxy(bases map[string][]base, name string) (lines []base) {
	_, rest, _ := strings.Cut(name, "_")
	for _, b := range bases["proxy_"+rest] {
		if rest != "pass" {
			lines = append(lines, base{append([]string{name}, b.words[1:]...), b.block, b.body})
		}
	}
	return lines
}

// A base is a directive in a form that nginx takes.
type base struct {
	words []string
	block bool
	body  string
}

func (b base) line() string {
	words := make([]string, len(b.words))
	for i, w := range b.words {
		words[i] = quoted(w)
	}
	return strings.Join(words, " ") + b.end()
}

func (b base) end() string {
	if b.block {
		return " { " + b.body + " }"
	}
	return ";"
}

// with is the base with other words.
func (b base) with(words ...string) string { return base{words, b.block, b.body}.line() }

// variants are the base with other values and other numbers of them, twice, and with or without a block.
func (b base) variants() []string {
	lines := []string{b.line() + " " + b.line(), base{words: b.words, block: !b.block}.line()}
	for n := range b.words {
		lines = append(lines, b.with(b.words[:n+1]...))
	}
	more := slices.Clone(b.words)
	for range 8 {
		more = append(more, "x")
		lines = append(lines, b.with(more...))
	}
	if n := len(b.words); n > 1 {
		lines = append(lines, b.with(append(slices.Clone(b.words), b.words[n-1])...), b.with(append(slices.Clone(b.words), b.words[1:]...)...))
	}
	for i, w := range b.words {
		if i == 0 {
			continue
		}
		heads := []string{""}
		for at, c := range w {
			if c == '=' || c == ':' || c == ',' {
				heads = append(heads, w[:at+1])
			}
		}
		for _, head := range heads {
			for _, v := range values {
				other := slices.Clone(b.words)
				other[i] = head + v
				lines = append(lines, b.with(other...))
			}
		}
	}
	return lines
}

var plainWord = regexp.MustCompile(`^[-+A-Za-z0-9_./:=*,@^~$!%&|?<>()\[\]]+$`)

// quoted is a word as it must be written.
func quoted(w string) string {
	if plainWord.MatchString(w) {
		return w
	}
	return `"` + strings.NewReplacer(`\$`, `$`, `\`, `\\`, `"`, `\"`).Replace(w) + `"`
}

// readBases reads testdata/directives.txt.
func readBases(t *testing.T) map[string][]base {
	text, err := os.ReadFile("testdata/directives.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]base{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words, body, block := strings.Cut(line, " |")
		tree, d := conf.Parse("line", words+";")
		if d.Failed() {
			t.Fatal(line, d.List()[0].Text)
		}
		b := base{block: block, body: strings.TrimSpace(body)}
		for _, w := range tree.Main.Nodes[0].Words {
			b.words = append(b.words, w.Text)
		}
		all[b.words[0]] = append(all[b.words[0]], b)
	}
	return all
}

// A judge has both servers look at files, one after the other.
type judge struct {
	t      *testing.T
	binary string
	dir    string
}

func newJudge(t *testing.T, binary string) *judge {
	j := &judge{t, binary, t.TempDir()}
	if err := os.Mkdir(j.dir+"/logs", 0o777); err != nil {
		t.Fatal(err)
	}
	return j
}

const accepted = "ok"

// write writes the file, and returns its path.
func (j *judge) write(text string) string {
	path := filepath.Join(j.dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", j.dir)), 0o666); err != nil {
		j.t.Error(err)
	}
	return path
}

// nginx returns the first error of nginx -t, or that there is none.
func (j *judge) nginx(text string) string {
	path := j.write(text)
	out, err := exec.Command(j.binary, "-t", "-q", "-p", j.dir+"/", "-c", path, "-e", "stderr").CombinedOutput()
	if err == nil {
		return accepted
	}
	for line := range strings.Lines(string(out)) {
		if m := nginxError.FindStringSubmatch(line); m != nil {
			return j.plain(m[1])
		}
	}
	return string(out)
}

var nginxError = regexp.MustCompile(`\[(?:emerg|crit|alert)\] (?:\d+#\d+: )?(.*)`)

// weir returns the same of weir.
func (j *judge) weir(text string) (verdict string) {
	defer func() {
		if v := recover(); v != nil {
			verdict = fmt.Sprintf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	path := j.write(text)
	o := Options{
		Prefix: j.dir + "/", Conf: path, ErrorLog: logs.Stderr, AccessLog: j.dir + "/logs/access.log",
		PidPath: j.dir + "/logs/nginx.pid", TempPrefix: j.dir + "/", Version: "test",
	}
	c, d := Build(o, &Process{Files: logs.NewFiles(), Temp: disk.NewTempNumbers()})
	defer c.Release()
	for _, g := range d.List() {
		if g.Level != "warn" {
			return j.plain(d.Sentence(g))
		}
	}
	said := ""
	if err := c.Check(func(_ logs.Level, text string) { said = text }); err != nil {
		if said == "" {
			said = err.Error()
		}
		return j.plain(said)
	}
	return accepted
}

// plain is a sentence without the place, and with what is different each time left out.
func (j *judge) plain(s string) string {
	if i := strings.LastIndex(s, " in "+j.dir+"/nginx.conf:"); i >= 0 {
		s = s[:i]
	}
	return strings.ReplaceAll(strings.TrimSpace(s), j.dir, "DIR")
}

// differs reports whether the verdicts do.
func (j *judge) differs(theirs, ours string) bool {
	if strings.HasPrefix(theirs, "unknown directive") {
		return false // an older nginx, or one that was built without
	}
	return *sentences || (theirs == accepted) != (ours == accepted) || strings.HasPrefix(ours, "panic")
}

type exceptionList []*regexp.Regexp

// readExceptions reads testdata/exceptions.txt: what differs, and may.
func readExceptions(t *testing.T, binary string) (list exceptionList) {
	text, err := os.ReadFile("testdata/exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	about, _ := exec.Command(binary, "-v").CombinedOutput()
	mainline := strings.Contains(string(about), "nginx/1.3")
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		old, isOld := strings.CutPrefix(line, "[old] ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !isOld:
			list = append(list, regexp.MustCompile("^(?:"+line+")"))
		case !mainline:
			list = append(list, regexp.MustCompile("^(?:"+old+")"))
		}
	}
	return list
}

func (l exceptionList) has(c valueCase) bool {
	return slices.ContainsFunc(l, func(r *regexp.Regexp) bool { return r.MatchString(c.place + ": " + c.line) })
}
