package rewrite_test

import (
	"bufio"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	nethttp "net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/http"
	"weir/http/filter"
	"weir/http/rewrite"
	"weir/weirtest"
	"weir/weirtest/inside"
)

// programs is how many servers with rewrite directives TestPrograms makes up, each of which is asked for all of programTargets.
const programs = 200

var programTargets = []string{
	"/", "/a", "/a/b", "/a/b/c?q=a", "/abc?q=", "/b", "/b/a%20b/%41?q=x%20y", "/x", "/x?q=%20b&z", "/r1z", "/r/a/", "/aaa/../b?", "/%D0%B0/a%2Fb?q=a&q=b", "/B/A?Q=A",
}

// TestPrograms has nginx and the modules of this folder run the same small programs, made up at random, and compares what they make of a
// request: status, Location, text; and where nothing has answered, the location that was found, URI, arguments, captures and variables.
func TestPrograms(t *testing.T) {
	nginx := oracle()
	if nginx == "" {
		t.Skip("no nginx here")
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	ports := weirtest.NewPorts()
	defer ports.Close()
	addr, err := ports.Take()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("absolute_redirect off; error_log error.log crit; root none;\n")
	made := make([]string, programs)
	for i := range made {
		made[i] = newProgram(random).server()
		fmt.Fprintf(&text, "server { listen %s; server_name p%d;\n%s}\n", addr, i, made[i])
	}
	theirs := startOracle(t, nginx, addr, text.String())
	s := inside.New(t, text.String(), rewrite.Rewrite, filter.Headers)
	for i, program := range made {
		for _, target := range programTargets {
			ask := inside.Ask{Target: target, Host: fmt.Sprint("p", i), Answer: nothing}
			if ours, want := shown(s.Do(ask)), theirs(ask); ours != want {
				t.Fatalf("seed %d: GET %s\n%s\nweir:\n%s\nnginx:\n%s", seed, target, program, ours, want)
			}
		}
	}
}

// TestCasesOracle holds nginx against the files of testdata, where what it answers is no file's.
func TestCasesOracle(t *testing.T) {
	nginx := oracle()
	if nginx == "" {
		t.Skip("no nginx here")
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	ports := weirtest.NewPorts()
	defer ports.Close()
	for _, file := range files {
		_, cases := inside.Read(t, file)
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				addr, err := ports.Take()
				if err != nil {
					t.Fatal(err)
				}
				text := "root none;\n" + strings.ReplaceAll(c.Block, "127.0.0.1:1;", addr+";")
				theirs := startOracle(t, nginx, addr, text)
				s := inside.New(t, text, modules()...)
				for _, ask := range c.Asks {
					ask.Answer = nothing
					if ours, want := shown(s.Do(ask)), theirs(ask); ours != want {
						t.Errorf("%s %s\n%s\nweir:\n%s\nnginx:\n%s", ask.Method, ask.Target, text, ours, want)
					}
				}
			})
		}
	}
}

// nothing is what there is where nginx looks for files.
func nothing(*http.Request) http.Verdict { return http.StatusNotFound }

// shown is what of an answer is compared.
func shown(a inside.Answer) string {
	return fmt.Sprintf("%d\n%s%s", a.Status, fieldsOf(a.Head), plain(a.Status, a.Body))
}

// oracle finds nginx; Debian keeps it out of a user's PATH.
func oracle() string {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// startOracle starts nginx with an http block, and returns what asks it.
func startOracle(t *testing.T, nginx, addr, text string) func(inside.Ask) string {
	t.Helper()
	dir := t.TempDir()
	text = "events {} http {\nclient_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s; access_log off; keepalive_requests 100000;\n" + text + "}\n"
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := weirtest.Start(weirtest.Options{Binary: nginx, Dir: dir, Ready: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = s.Stop(syscall.SIGTERM) // how it ends is of no interest here
		s.Kill()
	})
	var c net.Conn
	var r *bufio.Reader
	return func(ask inside.Ask) string {
		if c == nil {
			if c, err = net.Dial("tcp", addr); err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			r = bufio.NewReader(c)
		}
		method, host := cmp.Or(ask.Method, "GET"), cmp.Or(ask.Host, "a")
		_, _ = fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, ask.Target, host)
		for _, f := range ask.Fields {
			_, _ = fmt.Fprintf(c, "%s\r\n", f)
		}
		_, _ = fmt.Fprintf(c, "Content-Length: %d\r\n\r\n%s", len(ask.Body), ask.Body)
		answer, err := nethttp.ReadResponse(r, &nethttp.Request{Method: method})
		if err != nil {
			t.Fatalf("nginx, %s: %v", ask.Target, err)
		}
		var body strings.Builder
		if _, err := bufio.NewReader(answer.Body).WriteTo(&body); err != nil {
			t.Fatalf("nginx, %s: %v", ask.Target, err)
		}
		if answer.Close {
			_ = c.Close()
			c = nil
		}
		var head strings.Builder
		for _, name := range []string{"Location", "X-State", "X", "R", "U"} {
			if v := answer.Header.Get(name); v != "" {
				fmt.Fprintf(&head, "%s: %s\n", name, v)
			}
		}
		return fmt.Sprintf("%d\n%s%s", answer.StatusCode, head.String(), plain(answer.StatusCode, body.String()))
	}
}

var fieldRE = regexp.MustCompile(`(?m)^(Location|X-State|X|R|U): (.*)\n`)

// fieldsOf are the fields of a head that say what was made of a request.
func fieldsOf(head string) string {
	var b strings.Builder
	for _, m := range fieldRE.FindAllStringSubmatch(head, -1) {
		if v := strings.TrimSpace(m[2]); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", m[1], v)
		}
	}
	return b.String()
}

// plain leaves out pages of the server's own.
func plain(status int, body string) string {
	if status >= 300 && strings.HasPrefix(body, "<html>") {
		return "its own page"
	}
	return body
}

// A program makes up directives.
type program struct {
	random *rand.Rand
}

func newProgram(random *rand.Rand) *program { return &program{random: random} }

func (p *program) one(of ...string) string { return of[p.random.IntN(len(of))] }

// server is the inside of a server block.
func (p *program) server() string {
	var b strings.Builder
	b.WriteString(state("server"))
	b.WriteString(p.some(3, 1))
	places := []string{"/", "/a", "/a/b", "= /x", `~ ^/r(.)(.*)`, "/b", `~* \.x(?<m>.*)$`, "^~ /c"}
	p.random.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	for _, place := range places[:p.random.IntN(6)] {
		fmt.Fprintf(&b, "location %s {\n%s%s}\n", place, state(place), p.some(4, 1))
	}
	return b.String()
}

// state says what has become of a request, and where.
func state(place string) string {
	return fmt.Sprintf(`set $v ""; add_header X-State "%s|$uri|$args|$is_args|$v|$1|$2|$n|$request_uri|$document_uri" always;`+"\n",
		strings.NewReplacer(`\`, "", `"`, "", "$", "").Replace(place))
}

// some are up to so many directives; if blocks have others inside, one level deep.
func (p *program) some(most, depth int) string {
	var b strings.Builder
	for range p.random.IntN(most + 1) {
		switch n := p.random.IntN(12); {
		case n < 5:
			fmt.Fprintf(&b, "rewrite %s %s%s;\n", p.regex(), p.replacement(), p.one("", "", " last", " break", " redirect", " permanent"))
		case n < 7:
			fmt.Fprintf(&b, "set $v %s;\n", p.text())
		case n < 8:
			b.WriteString(p.one("break;\n", p.answer()))
		case depth > 0:
			fmt.Fprintf(&b, "if (%s) {\n%s}\n", p.condition(), p.some(2, depth-1))
		}
	}
	return b.String()
}

func (p *program) regex() string {
	return p.one(`^/a(.*)$`, `^/(.)(.*)`, `^`, `(b)`, `^/x$`, `^/(?<n>[a-z]+)`, `/r(.*)z?`, `^/never`, `(?i)^/A(.)`, `"^/b/(a b)/"`, `^/(a|(b))`, `\s(.)`)
}

func (p *program) replacement() string {
	return p.one(`/b$1`, `/a/b/$2`, `/x?p=$1`, `/x?p=$1?`, `$1`, `/c$uri`, `/b?$args`, `http://h/$1`, `$scheme://q$uri`, `/$v`, `"/with space$1"`,
		`https://e/?a=$1&b=$arg_q`, `/r$2?x=$n`, `/a?`, `/$1$2$1`, `/b%20$1`, `http://h/?`, `/?`, `"/r $2?e=$v"`)
}

func (p *program) text() string {
	return p.one(`$1`, `x$v`, `$uri`, `$arg_q`, `"a b"`, `""`, `$n-$2`, `0`, `"$v?$args"`, `$request_uri`, `%41`)
}

func (p *program) answer() string {
	return p.one(`return 200 "$uri|$args|$1|$2|$v|$n";`, `return 301 /l/$1;`, `return 302 "http://h$uri?$args";`, `return 404;`, `return 410 "gone $1";`,
		`return 204;`, `return http://h/$v;`, `return 307 $v;`, `return 403 "";`) + "\n"
}

func (p *program) condition() string {
	return p.one(`$v`, `$arg_q = a`, `$arg_q != a`, `$uri ~ ^/(a)(.*)`, `$args ~* Q=(.)`, `$uri !~ x`, `$uri !~* ^/(B)`, `$v ~ "(\w) (.)"`, `$n`, `-d /`,
		`!-e /nothing/here`, `-f $uri`, `$uri ~ ^/(?<n>.)`, `$v = $1`, `$arg_none`, `$arg_q = ""`)
}
