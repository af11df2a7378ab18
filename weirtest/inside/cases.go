package inside

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"weir/http"
)

// Cases runs a file of cases. A case begins with its name:
//
//	=== a text across borders
//	server { listen 127.0.0.1:1; sub_filter abc XYZ; }
//	GET /a
//	Accept-Encoding: gzip
//	body 1ab
//	body c2
//	----
//	200
//	Content-Type: text/html
//	|1XYZ2
//
// First the http block, which holds for the cases that follow as well, then requests, each with its fields and with what the test's
// handler answers; then what comes of them, an empty line between two. The words of an answer are
//
//	status CODE, type TYPE, charset NAME, modified SECONDS, field NAME: VALUE
//	body TEXT       bytes, as Go has them between quotes; several add up, and each may be repeated: body*3 TEXT
//	at /URI TEXT    the same for another URI, as subrequests ask for it
//	length unknown  nobody knows how long it is
//	gzip            the body is packed
//	packed BYTES    and cut after so many
//	ranges          parts of it may be asked for
//	whole           it comes in one part; other answers are cut at every place, from memory of all kinds, and must be the same each time
//
// Behind the body stands "cut" when its end has not come, "closed" when the connection ends with it, and then what the error log has got.
// With update the answers are written into the file.
func Cases(t *testing.T, path string, update bool, modules ...*http.Module) {
	intro, cases := Read(t, path)
	out := strings.TrimPrefix(intro, "\n")
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			s := New(t, c.Block, modules...)
			var got []string
			for _, a := range c.asks {
				got = append(got, s.everyway(t, a).String())
			}
			answer := strings.Join(got, "\n")
			if answer != c.want && !update {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", c.in, answer, c.want)
			}
			if out != "" {
				out = strings.TrimRight(out, "\n") + "\n\n"
			}
			out += "=== " + c.Name + "\n" + c.in + "\n----\n" + answer
		})
	}
	if update {
		if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A Case is one of a file.
type Case struct {
	Name, Block string
	Asks        []Ask // without what the handler answers

	asks     []*question
	in, want string
}

// Read reads a file of cases, and what stands before them.
func Read(t *testing.T, path string) (intro string, cases []Case) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	intro, rest, _ := strings.Cut("\n"+string(text), "\n=== ")
	block := "" // holds for the cases that follow as well
	for part := range strings.SplitSeq(rest, "\n=== ") {
		name, part, _ := strings.Cut(part, "\n")
		in, want, _ := strings.Cut(part, "\n----\n")
		c := Case{Name: name, in: strings.TrimRight(in, "\n"), want: strings.TrimRight(want, "\n") + "\n"}
		own, asks := readCase(t, in)
		if own != "" {
			block = own
		}
		c.Block, c.asks = block, asks
		for _, q := range asks {
			ask := q.Ask
			ask.Content = Content{}
			c.Asks = append(c.Asks, ask)
		}
		cases = append(cases, c)
	}
	return intro, cases
}

// A question is a request of a case.
type question struct {
	Ask
	body  string
	whole bool
	at    map[string]string
}

// readCase reads what stands before the answers.
func readCase(t *testing.T, in string) (block string, asks []*question) {
	var conf []string
	packed := map[*question]int{}
	for line := range strings.SplitSeq(in, "\n") {
		word, arg, _ := strings.Cut(line, " ")
		switch word {
		case "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS":
			asks = append(asks, &question{Ask: Ask{Method: word, Target: arg}, at: map[string]string{}})
			continue
		}
		if len(asks) == 0 {
			conf = append(conf, line)
			continue
		}
		q := asks[len(asks)-1]
		switch c := &q.Content; word {
		case "status":
			c.Status = number(t, arg)
		case "type":
			c.Type = arg
		case "charset":
			c.Charset = arg
		case "modified":
			c.LastModified = int64(number(t, arg))
		case "field":
			c.Fields = append(c.Fields, arg)
		case "length":
			c.Length = -1
		case "at":
			uri, text, _ := strings.Cut(arg, " ")
			q.at[uri] = unquote(t, text)
		case "ranges":
			c.Ranges = true
		case "whole":
			q.whole = true
		case "gzip":
			packed[q] = -1
		case "packed":
			packed[q] = number(t, arg)
		case "post":
			q.Ask.Body = unquote(t, arg)
		case "host":
			q.Host = arg
		default:
			if times, ok := strings.CutPrefix(word, "body*"); ok {
				q.body += strings.Repeat(unquote(t, arg), number(t, times))
			} else if word == "body" {
				q.body += unquote(t, arg)
			} else {
				q.Fields = append(q.Fields, line)
			}
		}
	}
	for q, n := range packed {
		q.body = Pack(q.body)
		if n >= 0 {
			q.body = q.body[:n]
		}
	}
	return strings.TrimSpace(strings.Join(conf, "\n")), asks
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func unquote(t *testing.T, s string) string {
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return text
}

// everyway asks with the answer's body in one part, and then cut in all ways.
func (s *Server) everyway(t *testing.T, q *question) Answer {
	t.Helper()
	want := s.Cut(q.Ask, q.body, q.at, Borrowed)
	if q.whole {
		return want
	}
	n := len(q.body)
	check := func(kind Kind, at ...int) {
		t.Helper()
		if got := s.Cut(q.Ask, q.body, q.at, kind, at...); got != want {
			t.Errorf("%s %s, cut at %v, kind %d:\n%s\nwhole:\n%s", q.Method, q.Target, at, kind, got, want)
		}
	}
	check(Owned)
	check(File)
	for i := range n + 1 {
		check(Kind(i%2), i)
		check(Kind((i+1)%2), i)
		if i%16 == 3 {
			check(File, i)
		}
	}
	if n < 5000 {
		each := make([]int, max(0, n-1))
		for i := range each {
			each[i] = i + 1
		}
		check(Borrowed, each...)
		check(Owned, each...)
	}
	return want
}

// Cut asks for an answer whose body is cut at these places. at has the bodies of other URIs, which are asked for by subrequests.
func (s *Server) Cut(ask Ask, body string, at map[string]string, kind Kind, places ...int) Answer {
	content := ask.Content
	content.Parts = Parts(body, kind, places...)
	ask.Answer = func(r *http.Request) http.Verdict {
		if text, ok := at[string(r.URI)]; ok {
			return s.send(r, &Content{Parts: Parts(text, kind, len(text)/2)})
		}
		return s.send(r, &content)
	}
	return s.Do(ask)
}

// ownPage ends the pages that a server has of its own.
const ownPage = "<hr><center>weir/test</center>\r\n</body>\r\n</html>\r\n"

// String is what a file of cases has: the body's lines begin with a bar, and what is packed is shown unpacked.
func (a Answer) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n%s", a.Status, a.Head)
	body, err := Unpack(a.Head, a.Body)
	if err != nil {
		fmt.Fprintln(&b, err)
	}
	if strings.HasSuffix(body, ownPage) {
		b.WriteString("the server's own page\n")
	} else if body != "" {
		for line := range strings.SplitSeq(body, "\n") {
			fmt.Fprintf(&b, "|%s\n", visible(line))
		}
	}
	switch {
	case !a.Ended:
		b.WriteString("cut\n")
	case a.Cut:
		b.WriteString("closed\n")
	}
	b.WriteString(a.Log)
	return b.String()
}

// visible leaves text as it is, and quotes lines with bytes that are none.
func visible(line string) string {
	if slices.ContainsFunc([]byte(line), func(c byte) bool { return c < ' ' || c > '~' }) {
		q := strconv.QuoteToASCII(line)
		return q[1 : len(q)-1]
	}
	return line
}
