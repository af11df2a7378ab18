// Package resolver asks name servers while weir serves, as nginx's resolver does: for addresses (A and AAAA, through CNAME) and services
// (SRV), over datagrams, and over TCP what does not fit into one.
//
//	Resolver ── entry (one a name) ─→ answer
//	              └─ question (while it is asked) ─→ socket (a port of its own) ─→ server
//
// All loops share a Resolver. A name that several tasks want is asked for once; who asked first lends the loop. What is known is kept as
// long as its time to live says and somebody uses it, in bounded room.
//
// Nobody can be kept from sending datagrams, so an answer counts only when it comes from the server that was asked, to the port and with the
// number that the question had, both drawn by chance, and repeats the question. What it says of other names is passed over.
package resolver

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"weir/load"
	"weir/logs"
	"weir/loop"
)

// Options are what a Resolver is made with.
type Options struct {
	Servers []netip.AddrPort
	Valid   time.Duration // whole seconds that answers hold, whatever their time to live; 0: what that says
	NoIPv4  bool
	NoIPv6  bool
	Log     *logs.Logger
	Life    *load.Life // held as long as the Resolver is used; it may be nil
	Stats   *Stats     // what is counted with; nil: numbers of its own
}

// A Resolver asks one list of name servers. Any goroutine, but for LogTo.
type Resolver struct {
	options Options
	resend  time.Duration // after which the next server is asked; tests shorten it
	next    atomic.Uint32 // the server that the next question goes to
	stats   *Stats

	mu      sync.Mutex
	entries map[key]*entry
	asking  int    // questions under way
	room    int    // that entries take
	newest  *entry // of those that are no question, by their use
	oldest  *entry
	homes   map[*loop.Loop]*home
}

// Stats count what was asked and answered. Any goroutine.
type Stats struct {
	Names, Services                              atomic.Uint64 // look-ups, answered from memory or not
	Good, Format, Server, NotFound, NotKnown     atomic.Uint64 // answers of servers, by their code
	Refused, Strange /* codes above */, TimedOut atomic.Uint64
}

// Reset begins anew.
func (s *Stats) Reset() {
	for _, n := range []*atomic.Uint64{
		&s.Names, &s.Services, &s.Good, &s.Format, &s.Server, &s.NotFound, &s.NotKnown, &s.Refused, &s.Strange, &s.TimedOut,
	} {
		n.Store(0)
	}
}

func (s *Stats) count(code int) {
	counters := [...]*atomic.Uint64{&s.Good, &s.Format, &s.Server, &s.NotFound, &s.NotKnown, &s.Refused}
	if code >= len(counters) {
		s.Strange.Add(1)
		return
	}
	counters[code].Add(1)
}

const (
	// resendAfter is how long a server has for its answer before the next one is asked.
	resendAfter = 5 * time.Second
	// tcpTimeout is how long a server may be silent on a connection.
	tcpTimeout = 5 * time.Second
	// keepUnused is how many seconds an answer is kept that nobody asks for.
	keepUnused = 30
	// mostAliases is how many aliases (CNAME) are followed.
	mostAliases = 50
	// mostRoom bounds what is kept: an answer counts one, and one for each address or service of it.
	mostRoom = 1 << 16
	// mostQuestions bounds the questions under way.
	mostQuestions = 4096
	// negativeFor is how many seconds a background task should go by an answer that there is no such name.
	negativeFor = 10
)

// New makes a resolver.
func New(o Options) *Resolver {
	if o.Stats == nil {
		o.Stats = &Stats{}
	}
	return &Resolver{stats: o.Stats, options: o, resend: resendAfter, entries: map[key]*entry{}, homes: map[*loop.Loop]*home{}}
}

// LogTo sets the log, before the first look-up.
func (r *Resolver) LogTo(l *logs.Logger) { r.options.Log = l }

// Stats are the counters.
func (r *Resolver) Stats() *Stats { return r.stats }

func (r *Resolver) logf(format string, a ...any) {
	if r.options.Log.Enabled(logs.Error) {
		r.options.Log.Logf(logs.Error, 0, format, a...)
	}
}

// key is what a question is about.
type key struct {
	name    string // in lower case, without a dot at the end
	service bool   // SRV, not addresses
}

// The codes of answers (RFC 1035, section 4.1.1), and those that weir has of its own.
const (
	codeFormat   = 1
	codeServer   = 2
	codeNotFound = 3
	codeRefused  = 5
	codeTimeout  = 110 // ETIMEDOUT: what nginx shows
	codeBusy     = 11  // EAGAIN
	codeStopped  = -1
)

func codeText(code int) string {
	switch code {
	case codeFormat:
		return "Format error"
	case codeServer:
		return "Server failure"
	case codeNotFound:
		return "Host not found"
	case 4:
		return "Unimplemented"
	case codeRefused:
		return "Operation refused"
	case codeTimeout:
		return "Operation timed out"
	case codeBusy:
		return "Too many questions at once"
	}
	return "Unknown error"
}

// An Error says why a name could not be resolved. Its text is nginx's, with the number: "(3: Host not found)".
type Error struct {
	Code int
	// Until is the second of the loops' clock up to which a background task should go by it.
	Until int64
}

func (e *Error) Error() string { return fmt.Sprintf("(%d: %s)", e.Code, codeText(e.Code)) }

// NotFound reports whether the servers say that there is no such name, or that it has no addresses.
func (e *Error) NotFound() bool { return e.Code == codeNotFound }

// An Answer is what a name leads to.
type Answer struct {
	Addrs []netip.Addr // in an order drawn by chance, when they were known before
	// Until is the second of the loops' clock up to which it holds.
	Until int64
}

// second is the unit of validity, as in nginx.
func second(now loop.Time) int64 { return int64(now) / int64(time.Second) }

// A Wait says how long a task waits for an answer, and what else ends that.
type Wait struct {
	Timeout time.Duration // of each question; 0: there is no limit
	// Watch is for whose sake the name is wanted: when it hangs up the search ends with loop.ErrWatched. It may be nil.
	Watch *loop.Source
	// Signal wakes the task from elsewhere; Stopped then says whether the search ends with loop.ErrStopped. Both may be nil.
	Signal  *loop.Signal
	Stopped func() bool
}

// Lookup finds the addresses of a name. An *Error, loop.ErrStopped, loop.ErrWatched. Loop only.
func (r *Resolver) Lookup(t *loop.Task, name string, w Wait) (Answer, error) {
	r.stats.Names.Add(1)
	s := r.search(name, false)
	if err := r.wait(t, &w, s); err != nil {
		return Answer{}, err
	}
	return Answer{s.addrs, s.until}, s.err()
}

// Names of the state of a search.
const (
	searching = iota
	found
	failed
)

// A search is the way from a name over its aliases to what was asked for. Its fields belong to its task, but for those of its place in a
// question, which the resolver's mutex guards.
type search struct {
	key
	state    int
	code     int
	aliases  int
	until    int64
	addrs    []netip.Addr
	services []service

	signal   *loop.Signal
	question *question // that it waits for
	next     *search
}

func (r *Resolver) search(name string, service bool) *search {
	name = strings.TrimSuffix(name, ".")
	s := &search{key: key{string(appendLower(nil, name)), service}, until: 1<<63 - 1}
	if !askable(s.name) {
		s.fail(codeNotFound, 0)
	}
	return s
}

func (s *search) fail(code int, until int64) {
	s.state, s.code, s.until = failed, code, until
}

func (s *search) err() error {
	if s.state != failed {
		return nil
	}
	if s.code == codeStopped {
		return loop.ErrStopped
	}
	return &Error{s.code, s.until}
}

// wait waits until all of the searches have come to an end, or for their timeouts.
func (r *Resolver) wait(t *loop.Task, w *Wait, all ...*search) error {
	signal := w.Signal
	if signal == nil {
		signal = new(loop.Signal)
	}
	for _, s := range all {
		s.signal = signal
	}
	deadline := loop.Time(0)
	if w.Timeout > 0 {
		deadline = t.After(w.Timeout)
	}
	for {
		if r.advance(t, all) {
			return nil
		}
		p := loop.Wait{Signal: signal, B: w.Watch, Deadline: deadline}
		if w.Watch != nil {
			p.BWant = loop.Hup
		}
		err := t.Poll(&p)
		switch {
		case err == loop.ErrTimeout:
			r.giveUp(all, codeTimeout, second(t.Now())+r.negative())
			return nil
		case err != nil:
		case p.BGot != 0:
			err = loop.ErrWatched
		case w.Stopped != nil && w.Stopped():
			err = loop.ErrStopped
		}
		if err != nil {
			r.giveUp(all, codeStopped, 0)
			return err
		}
	}
}

// negative is how many seconds a background task goes by an answer without addresses.
func (r *Resolver) negative() int64 {
	if r.options.Valid > 0 {
		return int64(r.options.Valid / time.Second)
	}
	return negativeFor
}
