package upstream

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/conf"
	"weir/load"
	"weir/loop"
)

var update = flag.Bool("update", false, "write the answers into testdata")

// TestScripts runs the texts in testdata: what a group is asked, on a clock
// that the text moves, and whom it chooses.
//
//	group                       a new group; the lines after it stand in upstream { }
//	reload                      the same, inheriting from the present group
//	pick [xN] [fail=a,b] …      N exchanges that try one server each
//	ask [xN] [fail=a,b] …       N exchanges that pass on to the next server after a failure
//	hold [xN]                   exchanges that stay open
//	end [a …]                   ends open exchanges, of these servers or all
//	spread n=N key=… client=…   N exchanges, counted; # is the number of the exchange
//	replace N [a b/3 c/backup]  server directive N leads to these now, with a weight or as a backup
//	checks KEY [mandatory …]    what the next group is checked by, one a line
//	judge KEY a=pass b=fail …   outcomes of a check
//	status                      what the peers remember
//	after 10s …                 moves the clock first
//
// fail= lists servers that fail, sid= the server that a client is tied to, refuse= those that answer 404; tries=N is
// proxy_next_upstream_tries; took=a:50ms is how long a server takes.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: loop.Time(100 * time.Second), rand: rand.New(rand.NewPCG(1, 2))}
	var out strings.Builder
	for i, step := range strings.Split(strings.TrimSpace(string(b)), "\n\n") {
		if i > 0 {
			out.WriteString("\n")
		}
		question, want, asks := strings.Cut(step+"\n", "----\n")
		out.WriteString(question)
		if !asks {
			if strings.HasPrefix(question, "#") && !strings.Contains(question, "\n\n") && onlyComments(question) {
				continue
			}
			want = ""
		}
		got := w.run(question)
		out.WriteString("----\n" + got)
		if !*update && got != want {
			t.Errorf("%s: %s\ngot:\n%swant:\n%s", file, question, got, want)
		}
	}
	if *update && out.String() != string(b) {
		if err := os.WriteFile(file, []byte(out.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func onlyComments(s string) bool {
	for line := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		if !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// world is what a script works on.
type world struct {
	t    *testing.T
	now  loop.Time
	rand *rand.Rand
	g    *Group
	open []*exchange

	checks []Check
}

type exchange struct {
	a     Attempt
	p     *Peer
	began loop.Time
}

// request is the words after a command.
type request struct {
	times        int
	tries        int
	fail, refuse []string
	key, client  string
	sid          string
	took         map[string]time.Duration
	names        []string
}

func (w *world) run(question string) string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(question), "\n") {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	words := strings.Fields(lines[0])
	if words[0] == "after" {
		d, err := time.ParseDuration(words[1])
		if err != nil {
			w.t.Fatal(err)
		}
		w.now = w.now.Add(d)
		if words = words[2:]; len(words) == 0 {
			return ""
		}
	}
	q := w.request(words[1:])
	switch words[0] {
	case "group", "reload":
		return w.group(strings.Join(lines[1:], "\n"), words[0] == "reload")
	case "pick", "ask":
		return w.exchanges(q, words[0] == "ask")
	case "hold":
		return w.hold(q)
	case "end":
		return w.end(q)
	case "spread":
		return w.spread(q)
	case "status":
		return w.status()
	case "checks":
		w.setChecks(lines)
		return ""
	case "judge":
		return w.judge(words[1], words[2:])
	case "replace":
		return w.replace(words[1:])
	}
	w.t.Fatalf("unknown command %q", words[0])
	return ""
}

func (w *world) request(words []string) *request {
	q := &request{times: 1, took: map[string]time.Duration{}}
	for _, word := range words {
		key, v, _ := strings.Cut(word, "=")
		switch key {
		case "fail":
			q.fail = strings.Split(v, ",")
		case "refuse":
			q.refuse = strings.Split(v, ",")
		case "key":
			q.key = v
		case "sid":
			q.sid = v
		case "client":
			q.client = v
		case "tries":
			q.tries, _ = strconv.Atoi(v)
		case "n":
			q.times, _ = strconv.Atoi(v)
		case "took":
			for pair := range strings.SplitSeq(v, ",") {
				name, d, _ := strings.Cut(pair, ":")
				q.took[name], _ = time.ParseDuration(d)
			}
		default:
			if n, ok := strings.CutPrefix(word, "x"); ok {
				q.times, _ = strconv.Atoi(n)
				continue
			}
			q.names = append(q.names, word)
		}
	}
	return q
}

func (w *world) group(body string, inherit bool) string {
	d, diags, o := loadConf("upstream u {\n"+body+"\n}", letters)
	var set *Set
	if !diags.Failed() {
		o.Draw = w.rand.IntN
		set = d.Build(o, diags)
	}
	var out strings.Builder
	for _, g := range diags.List() {
		fmt.Fprintf(&out, "%s: %s\n", g.Level, g.Text)
	}
	if diags.Failed() {
		return out.String()
	}
	g := set.Groups()[0]
	for _, c := range w.checks {
		g.AddCheck(c)
	}
	if inherit {
		g.Inherit(w.g)
	}
	w.g = g
	return out.String()
}

// parseGroup reads the inside of an upstream block.
func parseGroup(body string) (*Declared, *conf.Diagnostics) {
	return parseConf("upstream u {\n" + body + "\n}")
}

func parseConf(http string) (*Declared, *conf.Diagnostics) {
	d, diags, _ := loadConf(http, letters)
	return d, diags
}

// loadConf reads the inside of an http block, and says what groups are built with.
func loadConf(http string, find conf.Lookup) (*Declared, *conf.Diagnostics, Options) {
	tree, diags := conf.Parse("nginx.conf", "http {\n"+http+"\n}\n")
	table := conf.NewTable(Module(), StickyModule(), ResolverModule, conf.Define("core", "", []conf.Directive[struct{}]{
		{Name: "http", In: conf.Main, Syntax: "{ ... }", Opens: conf.HTTP},
	}))
	table.Check(tree, diags)
	d := NewDeclared(find)
	env := load.New(load.Options{}, tree, diags)
	load.Put(env, d)
	table.Declare(tree, env, diags)
	scopes := table.NewScopes(tree, env, diags)
	return d, diags, Options{Resolver: func(b *conf.Block) *ResolverConf { return conf.Settings[ResolverConf](scopes, ResolverModule, b) }}
}

// letters is a resolver that knows a, b, c … as 10.0.0.1, 10.0.0.2 …, and
// "many" as three addresses.
func letters(host string) ([]netip.Addr, error) {
	if len(host) == 1 && host[0] >= 'a' && host[0] <= 'z' {
		return []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, host[0] - 'a' + 1})}, nil
	}
	if host == "many" {
		return []netip.Addr{
			netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("10.1.0.2"), netip.MustParseAddr("fd00::3"),
		}, nil
	}
	return nil, errNoSuchHost
}

func (w *world) begin(q *request, n int) *exchange {
	x := &exchange{began: w.now}
	number := strconv.Itoa(n)
	ask := Ask{Key: []byte(strings.ReplaceAll(q.key, "#", number)), Now: w.now, SID: []byte(q.sid)}
	if q.client != "" {
		ask.Client = netip.MustParseAddr(strings.ReplaceAll(q.client, "#", number))
	}
	w.g.Begin(&x.a, ask)
	x.a.Limit(q.tries)
	return x
}

// label is how scripts name a peer: its server, and the address when the server
// has several.
func (w *world) label(p *Peer) string {
	for _, other := range w.g.Peers() {
		if other != p && other.Server == p.Server {
			return p.Server + "/" + p.Name
		}
	}
	return p.Server
}

func (w *world) exchange(q *request, n int, pass bool) string {
	x := w.begin(q, n)
	var tried []string
	for {
		p, err := x.a.Next(w.now)
		if err != nil {
			return strings.Join(append(tried, "none"), ">")
		}
		o, t := OK, Timing{}
		mark := ""
		switch {
		case slices.Contains(q.fail, p.Server):
			o, mark, t.Header = Failed, "(failed)", -1
		case slices.Contains(q.refuse, p.Server):
			o, mark = NotCounted, "(404)"
		default:
			t.Header, t.Last = q.took[p.Server], q.took[p.Server]
			x.a.Header(p, w.now, t)
		}
		if x.a.Done(p, w.now, o, t) {
			mark = "(failed, aside)"
		}
		tried = append(tried, w.label(p)+mark)
		if o == OK || !pass || x.a.Tries() == 0 {
			return strings.Join(tried, ">")
		}
	}
}

func (w *world) exchanges(q *request, pass bool) string {
	var out []string
	for i := range q.times {
		out = append(out, w.exchange(q, i, pass))
	}
	return strings.Join(out, " ") + "\n"
}

func (w *world) spread(q *request) string {
	counts := map[string]int{}
	for i := range q.times {
		counts[w.exchange(q, i, true)]++
	}
	var out []string
	for name, n := range counts {
		out = append(out, fmt.Sprintf("%s %d\n", name, n))
	}
	slices.Sort(out)
	return strings.Join(out, "")
}

func (w *world) hold(q *request) string {
	var out []string
	for i := range q.times {
		x := w.begin(q, i)
		p, err := x.a.Next(w.now)
		if err != nil {
			out = append(out, "none")
			continue
		}
		x.p = p
		w.open = append(w.open, x)
		out = append(out, w.label(p))
	}
	return strings.Join(out, " ") + "\n"
}

func (w *world) end(q *request) string {
	w.open = slices.DeleteFunc(w.open, func(x *exchange) bool {
		if len(q.names) > 0 && !slices.Contains(q.names, x.p.Server) {
			return false
		}
		took := time.Duration(w.now - x.began)
		o := OK
		if slices.Contains(q.fail, x.p.Server) {
			o = Failed
		}
		x.a.Done(x.p, w.now, o, Timing{Header: took, Last: took})
		return true
	})
	return ""
}

func (w *world) setChecks(lines []string) {
	w.checks = nil
	for _, line := range lines {
		words := strings.Fields(strings.TrimPrefix(line, "checks "))
		if line == "checks" {
			continue
		}
		c := Check{Key: words[0], Fails: 1, Passes: 1}
		for _, word := range words[1:] {
			key, v, _ := strings.Cut(word, "=")
			n, _ := strconv.Atoi(v)
			switch key {
			case "mandatory":
				c.Mandatory = true
			case "persistent":
				c.Persistent = true
			case "fails":
				c.Fails = n
			case "passes":
				c.Passes = n
			default:
				w.t.Fatalf("unknown parameter %q", word)
			}
		}
		w.checks = append(w.checks, c)
	}
}

func (w *world) judge(key string, words []string) string {
	out := ""
	for _, word := range words {
		name, outcome, _ := strings.Cut(word, "=")
		for _, p := range w.g.Peers() {
			if p.Server != name {
				continue
			}
			if h, changed := w.g.Judge(p, key, outcome == "pass", w.now); changed {
				out += w.label(p) + " is " + h.String() + "\n"
			}
		}
	}
	return out
}

func (w *world) replace(words []string) string {
	nth, _ := strconv.Atoi(words[0])
	var found []Found
	for _, word := range words[1:] {
		name, how, _ := strings.Cut(word, "/")
		ips, err := letters(name)
		if err != nil {
			w.t.Fatal(err)
		}
		f := Found{Backup: how == "backup"}
		f.Weight, _ = strconv.Atoi(how)
		for _, ip := range ips {
			f.Addr = loop.Addr{Net: netip.AddrPortFrom(ip, 80)}
			found = append(found, f)
		}
	}
	if !w.g.Replace(nth, found) {
		return "nothing changed\n"
	}
	var out []string
	for _, p := range w.g.Peers() {
		s := w.label(p)
		if p.Weight != 1 {
			s += fmt.Sprintf(" weight=%d", p.Weight)
		}
		if p.Backup {
			s += " backup"
		}
		out = append(out, s+"\n")
	}
	return strings.Join(out, "")
}

func (w *world) status() string {
	var out strings.Builder
	for _, s := range w.g.Status(nil, w.now) {
		fmt.Fprintf(&out, "%s conns=%d fails=%d effective=%d header=%v response=%v", w.label(s.Peer), s.Conns, s.Fails, s.st.effective, s.Header, s.Response)
		if s.Aside {
			out.WriteString(" aside")
		}
		out.WriteString("\n")
	}
	return out.String()
}
