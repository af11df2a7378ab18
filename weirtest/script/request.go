package script

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/weirtest"
)

// ask is a request as a script writes it.
type ask struct {
	method, addr, path, from string
	headers                  []string
	body                     string
	hasBody                  bool
	h2                       bool   // over HTTP/2
	tls                      bool   // over TLS
	cert                     string // of the client
	sni                      string // the server's name in the handshake; "": that of the request
	times                    int
}

var headerRE = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+:")

// parseAsk reads what follows the method: target, then headers, options and the number of times.
func (r *run) parseAsk(method string, words []string) ask {
	q := ask{method: method, times: 1}
	q.addr, q.path = r.target(words[0])
	for rest := words[1:]; len(rest) > 0; rest = rest[1:] {
		w := rest[0]
		switch {
		case w == "-from" && len(rest) > 1:
			rest = rest[1:]
			q.from = rest[0]
		case w == "-h2":
			q.h2 = true
		case w == "-tls":
			q.tls = true
		case w == "-cert" && len(rest) > 1:
			rest = rest[1:]
			q.tls, q.cert = true, rest[0]
		case w == "-sni" && len(rest) > 1:
			rest = rest[1:]
			q.tls, q.sni = true, rest[0]
		case w == "-file" && len(rest) > 1:
			rest = rest[1:]
			b, err := os.ReadFile(r.ts.MkAbs(rest[0]))
			r.must(err)
			q.body, q.hasBody = string(b), true
		case headerRE.MatchString(w):
			q.headers = append(q.headers, weirtest.Unescape(w))
		case len(rest) == 1 && timesOf(w) > 0:
			q.times = timesOf(w)
		case method != "GET" && method != "HEAD" && !q.hasBody:
			q.body, q.hasBody = weirtest.Unescape(w), true
		default:
			r.fail("%q is not a header (Name: value), not -from, not xN", w)
		}
	}
	return q
}

// target takes a TARGET apart: /path, 127.0.0.1:8080/path, unix:/a/b.sock/path.
func (r *run) target(word string) (addr, path string) {
	at := strings.Index(word, "/")
	if strings.HasPrefix(word, "unix:") {
		at = strings.Index(word, ".sock/") + len(".sock")
	}
	if at <= 0 {
		return r.names["ADDR"], word
	}
	return word[:at], word[at:]
}

func timesOf(w string) int {
	if !strings.HasPrefix(w, "x") {
		return 0
	}
	n, _ := strconv.Atoi(w[1:])
	return n
}

func (q ask) has(name string) bool {
	return slices.ContainsFunc(q.headers, func(h string) bool {
		n, _, _ := strings.Cut(h, ":")
		return strings.EqualFold(n, name)
	})
}

// text is the request on the wire. A header without a value is one that is not sent at all.
func (q ask) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", q.method, q.path)
	if !q.has("Host") {
		b.WriteString("Host: localhost\r\n")
	}
	for _, h := range q.headers {
		if !strings.HasSuffix(h, ":") {
			b.WriteString(h + "\r\n")
		}
	}
	if q.hasBody && !q.has("Transfer-Encoding") && !q.has("Content-Length") {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(q.body))
	}
	return b.String() + "\r\n" + q.body
}

func (r *run) ask(q ask) {
	r.answers = nil
	begin := time.Now()
	for range q.times {
		if q.h2 || r.h2 && q.anyWire() {
			r.talkH2(q)
			continue
		}
		r.talk(q, q.text())
	}
	r.took = time.Since(begin)
}

// onlyH1 are the fields that a request of HTTP/2 cannot have, or that mean nothing there.
var onlyH1 = []string{"Connection", "Transfer-Encoding", "Upgrade", "Keep-Alive", "Expect", "TE", "Proxy-Connection"}

// anyWire reports whether the request can be made over HTTP/2 as well as over HTTP/1.
func (q ask) anyWire() bool {
	if !strings.HasPrefix(q.path, "/") || slices.ContainsFunc(onlyH1, q.has) || slices.Contains(q.headers, "Host:") {
		return false
	}
	_, err := q.fields()
	return err == nil
}

// fields are the fields of the request, beside its host.
func (q ask) fields() (fields []weirtest.Header, err error) {
	for _, h := range q.headers {
		name, value, _ := strings.Cut(h, ":")
		value = strings.Trim(value, " ")
		if strings.ContainsAny(value, "\x00\r\n") {
			return nil, errors.New("no field")
		}
		if !strings.EqualFold(name, "Host") && value != "" {
			fields = append(fields, weirtest.Header{Name: strings.ToLower(name), Value: value})
		}
	}
	if q.hasBody && !q.has("Content-Length") {
		fields = append(fields, weirtest.Header{Name: "content-length", Value: strconv.Itoa(len(q.body))})
	}
	return fields, nil
}

// talkH2 makes a request on a connection of HTTP/2 of its own and keeps the answers to it.
func (r *run) talkH2(q ask) {
	fields, err := q.fields()
	r.must(err)
	var body *string
	if q.hasBody {
		body = &q.body
	}
	c := r.dial(q, "h2")
	if c == nil {
		return
	}
	defer c.Close()
	got, err := c.AskH2(q.method, q.host(), q.path, body, fields...)
	if err != nil && len(got) == 0 && !errors.Is(err, io.EOF) {
		r.ts.Logf("%v", err) // as if the server had closed: there is no answer
	}
	for _, a := range got {
		r.ts.Logf("%s", a)
	}
	r.answers = append(r.answers, got...)
}

// host is the host of the request.
func (q ask) host() string {
	for _, h := range q.headers {
		if name, value, _ := strings.Cut(h, ":"); strings.EqualFold(name, "Host") {
			return strings.TrimSpace(value)
		}
	}
	return "localhost"
}

// dial opens a connection for a request. nil: the server refuses the handshake, which is as good as no answer.
func (r *run) dial(q ask, protocols ...string) *weirtest.Client {
	c, err := weirtest.Dial(q.addr, q.from)
	r.must(err)
	if !q.tls && !r.tls {
		return c
	}
	var with *tls.Certificate
	if q.cert != "" {
		own, err := weirtest.LoadCertificate(r.dir, q.cert)
		r.must(err)
		with = &own
	}
	name := q.sni
	if name == "" {
		name, _, _ = strings.Cut(q.host(), ":")
	}
	if err := c.Secure(name, with, protocols...); err != nil {
		r.ts.Logf("%v", err)
		c.Close()
		return nil
	}
	return c
}

// talk sends a text on a connection of its own and keeps the answers to it.
func (r *run) talk(q ask, text string) {
	c := r.dial(q)
	if c == nil {
		return
	}
	defer c.Close()
	// The server may answer and close before it has read everything; what it said is still there to be read.
	sendErr := c.Send(text)
	got, err := c.Answers()
	if err != nil {
		r.fail("%v (send: %v) after %d answers", err, sendErr, len(got))
	}
	for _, a := range got {
		r.ts.Logf("%s", a)
	}
	r.answers = append(r.answers, got...)
}

func runGet(r *run, args []string)     { r.ask(r.parseAsk("GET", args)) }
func runHead(r *run, args []string)    { r.ask(r.parseAsk("HEAD", args)) }
func runPost(r *run, args []string)    { r.ask(r.parseAsk("POST", args)) }
func runRequest(r *run, args []string) { r.ask(r.parseAsk(args[0], args[1:])) }

func runRaw(r *run, args []string) {
	addr, secure := r.names["ADDR"], args[0] == "-tls"
	if secure {
		args = args[1:]
	}
	if args[0] == "-to" && len(args) > 2 {
		addr, args = args[1], args[2:]
	}
	r.answers = nil
	begin := time.Now()
	r.talk(ask{addr: addr, tls: secure}, weirtest.Unescape(strings.Join(args, "")))
	r.took = time.Since(begin)
}

func runAfter(r *run, args []string) {
	d, err := time.ParseDuration(args[0])
	r.must(err)
	<-time.After(d)
	r.must(r.call(args[1], args[2:]))
}

func runUntilLog(r *run, args []string) {
	re, err := regexp.Compile(args[1])
	r.must(err)
	ok := weirtest.Eventually(func() bool {
		r.must(r.call(args[2], args[3:]))
		return slices.ContainsFunc(weirtest.Lines(r.ts.MkAbs(args[0])), re.MatchString)
	})
	if !ok {
		r.fail("no line of %s matched %q", args[0], re)
	}
}

func runUntil(r *run, args []string) {
	re, err := regexp.Compile(args[0])
	r.must(err)
	var last error
	ok := weirtest.Eventually(func() bool {
		if last = r.call(args[1], args[2:]); last != nil || len(r.answers) == 0 {
			return false
		}
		a := r.answers[len(r.answers)-1]
		return re.MatchString(string(a.Head) + string(a.Body))
	})
	if !ok {
		r.fail("no answer matched %q (%v)", re, last)
	}
}
