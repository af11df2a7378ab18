package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"weir/weirtest"
)

var (
	wrkCount  = regexp.MustCompile(`(\d+) requests in `)
	wrkP99    = regexp.MustCompile(`(?m)^\s+99%\s+(\S+)`)
	wrkErrors = regexp.MustCompile(`(?m)^\s+(Socket errors:.*|Non-2xx.*)$`)
	badRead   = regexp.MustCompile(`connect 0, read 0, write 0, timeout \d+$`)
)

// wrk returns a load by wrk: one thread, conns connections. wrk counts whole seconds only, so a shorter run is cut off by a signal.
func wrk(path string, conns int, fields ...string) loader {
	return func(in *instance, o options) (load, error) {
		bin, err := exec.LookPath("wrk")
		if err != nil {
			return load{}, errors.New("wrk is not installed")
		}
		l, err := runWrk(bin, in.url(path), conns, o.seconds, fields)
		if errors.Is(err, errNone) { // a machine with much to do may take as long for the handshakes
			l, err = runWrk(bin, in.url(path), conns, 3*o.seconds+1, fields)
		}
		return l, err
	}
}

func runWrk(bin, url string, conns int, seconds float64, fields []string) (load, error) {
	args := []string{"-t1", "-c" + strconv.Itoa(conns), "-d3600", "--latency"}
	for _, f := range fields {
		args = append(args, "-H", f)
	}
	cmd := exec.Command(bin, append(args, url)...)
	begin := time.Now()
	stop := time.AfterFunc(time.Duration(seconds*float64(time.Second)), func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // wrk reports what it has
	})
	defer stop.Stop()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	l, err := parseWrk(string(out), time.Since(begin))
	l.client = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return l, err
}

var errNone = errors.New("no requests")

func parseWrk(out string, took time.Duration) (load, error) {
	m := wrkCount.FindStringSubmatch(out)
	if m == nil {
		return load{}, fmt.Errorf("wrk said nothing of requests:\n%s", out)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n == 0 {
		return load{}, fmt.Errorf("%w:\n%s", errNone, out)
	}
	if e := wrkErrors.FindString(out); e != "" && !badRead.MatchString(e) {
		return load{}, fmt.Errorf("%s\n%s", e, out)
	}
	l := load{requests: n, took: took}
	if m := wrkP99.FindStringSubmatch(out); m != nil {
		l.p99, _ = time.ParseDuration(m[1])
	}
	return l, nil
}

// newConnections asks with a new connection each time, from 16 goroutines. The clients come from many loopback addresses, since each has
// only some 28,000 ports and a closed connection keeps its for a minute.
func newConnections(in *instance, o options) (load, error) {
	const clients = 16
	path := "/1k"
	if in.name == "haproxy" {
		path = "/origin/1k"
	}
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	begin := time.Now()
	end := begin.Add(time.Duration(o.seconds * float64(time.Second)))
	times := make([][]time.Duration, clients)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			buf := make([]byte, 4096)
			for n := i; time.Now().Before(end) && errs[i] == nil; n += clients {
				t := time.Now()
				errs[i] = once(in.addr, from(n), request, buf)
				times[i] = append(times[i], time.Since(t))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return load{}, err
	}
	all := slices.Sorted(slices.Values(slices.Concat(times...)))
	return load{requests: len(all), took: time.Since(begin), p99: all[len(all)*99/100]}, nil
}

// tunnels has four connections upgraded, and reads what comes. A megabyte counts as a request.
func tunnels(in *instance, o options) (load, error) {
	const clients = 4
	request := []byte("GET /tunnel/bulk HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: bulk\r\n\r\n")
	begin := time.Now()
	end := begin.Add(time.Duration(o.seconds * float64(time.Second)))
	var got [clients]int
	var errs [clients]error
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { got[i], errs[i] = drink(in.addr, request, end) })
	}
	wg.Wait()
	l := load{took: time.Since(begin)}
	for _, n := range got {
		l.requests += n >> 20
	}
	return l, errors.Join(errs[:]...)
}

// drink reads from a connection until the time is over, and says how many bytes came.
func drink(addr string, request []byte, end time.Time) (got int, err error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	buf := make([]byte, 256<<10)
	for time.Now().Before(end) {
		n, err := c.Read(buf)
		if got == 0 && n > 0 && !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 101 ")) {
			return 0, fmt.Errorf("no upgrade: %.100q", buf[:n])
		}
		if got += n; err != nil {
			return got, err
		}
	}
	return got, nil
}

func from(n int) *net.TCPAddr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+n/200%4), byte(1+n%200))}
}

func once(addr string, local *net.TCPAddr, request, buf []byte) error {
	d := net.Dialer{LocalAddr: local, Timeout: weirtest.Patience(), Control: weirtest.LazyPort}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write(request); err != nil {
		return err
	}
	got := 0
	for {
		n, err := c.Read(buf)
		got += n
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if got < 1024 {
		return fmt.Errorf("an answer of %d bytes", got)
	}
	return nil
}

// idleConnections opens n connections, asks once on each, and leaves them open; before and after are the server's cost around that,
// the latter when they have been idle for rest.
func idleConnections(in *instance, k idle, n int, rest time.Duration) (before, after cost, held int, err error) {
	path := "/1k"
	if in.name == "haproxy" {
		path = "/origin/1k"
	}
	for range 200 { // what the first requests take once is not for the connections
		c, err := k.open(in.addr, path)
		if err != nil {
			return before, after, 0, err
		}
		c.Close()
	}
	before = in.settled()
	open := make([]*weirtest.Client, 0, n)
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range n {
		c, err := k.open(in.addr, path)
		if err != nil {
			return before, after, 0, fmt.Errorf("connection %d: %w", len(open), err)
		}
		open = append(open, c)
	}
	<-time.After(rest) // a server may tidy up when it has become quiet
	return before, in.settled(), n, nil
}

// settled waits until the server has stopped working off what happened, and returns its cost then.
func (in *instance) settled() cost {
	last := in.cost()
	for range 20 {
		<-time.After(250 * time.Millisecond)
		now := in.cost()
		if now == last {
			return now
		}
		last = now
	}
	return last
}
