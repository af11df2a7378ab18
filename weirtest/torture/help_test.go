package torture

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// builtOnce saves asking the go command for each test.
var builtOnce = sync.OnceValues(weirtest.Binary)

// duration is for how long a driver runs.
func duration(t *testing.T) time.Duration {
	t.Helper()
	d := os.Getenv("WEIR_TORTURE")
	if d == "" {
		return 1500 * time.Millisecond
	}
	long, err := time.ParseDuration(d)
	if err != nil {
		t.Fatalf("WEIR_TORTURE: %v", err)
	}
	return long
}

// firstSeed is where the random choices of a run begin.
func firstSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("WEIR_TORTURE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("WEIR_TORTURE_SEED: %v", err)
		}
	}
	t.Logf("WEIR_TORTURE_SEED=%d", seed)
	return seed
}

// A bench is a server, the addresses of its configuration, and its folder.
type bench struct {
	*weirtest.Server
	dir   string
	names map[string]string
}

// start writes the configuration, with an address for each name, and starts the server. It must end well, and with
// nothing in its logs that must never be there.
func start(t *testing.T, conf string, prepare func(b *bench), addresses ...string) *bench {
	t.Helper()
	binary, err := builtOnce()
	if errors.Is(err, weirtest.ErrNoServer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{dir: t.TempDir(), names: map[string]string{}}
	if err := os.Chmod(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b.names["DIR"] = b.dir
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	for _, name := range addresses {
		addr, err := ports.Take()
		if err != nil {
			t.Fatal(err)
		}
		b.names[name] = addr
	}
	prepare(b)
	if err := os.WriteFile(filepath.Join(b.dir, "nginx.conf"), []byte(weirtest.Expand(conf, b.names)), 0o644); err != nil {
		t.Fatal(err)
	}
	if b.Server, err = weirtest.Start(weirtest.Options{Binary: binary, Dir: b.dir, Ready: []string{b.names["ADDR"]}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.end(t) })
	return b
}

// end stops the server and reads its log.
func (b *bench) end(t *testing.T) {
	if b.Exited() {
		t.Error("the server has ended")
	} else if code, err := b.Stop(syscall.SIGTERM); code != 0 || err != nil {
		t.Errorf("exit status %d, %v", code, err)
	}
	b.Kill()
	log := weirtest.Lines(filepath.Join(b.dir, "error.log"))
	for _, line := range append(weirtest.Faults(log), weirtest.Faults(strings.Split(b.Output(), "\n"))...) {
		t.Error(line)
	}
	if t.Failed() {
		t.Logf("the end of the error log:\n%s", strings.Join(log[max(0, len(log)-80):], "\n"))
	}
}

// A crowd are clients that go on until the time is over or something has gone wrong.
type crowd struct {
	t      *testing.T
	wg     sync.WaitGroup
	mu     sync.Mutex
	until  time.Time
	failed int
}

func newCrowd(t *testing.T) *crowd { return &crowd{t: t} }

// over says that it is time to end.
func (c *crowd) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed >= 5 || time.Now().After(c.until)
}

// fail reports what has gone wrong: the first few times, since the rest mostly follows.
func (c *crowd) fail(format string, a ...any) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed++; c.failed <= 10 {
		c.t.Errorf("%s", fmt.Sprintf(format, a...))
	}
}

// join adds n clients, each with a source of chance of its own.
func (c *crowd) join(n int, seed uint64, client func(id int, rng *rand.Rand)) {
	c.until = time.Now().Add(duration(c.t))
	for id := range n {
		c.wg.Go(func() { client(id, rand.New(rand.NewPCG(seed, uint64(id)))) })
	}
}

// pause waits a little, as a slow client or peer does: time is a part of what is tried.
func pause(rng *rand.Rand, most time.Duration) {
	if most > 0 {
		<-time.After(time.Duration(rng.Int64N(int64(most))))
	}
}

// pick is one of several, by chance.
func pick[T any](rng *rand.Rand, all ...T) T { return all[rng.IntN(len(all))] }

// origin is a peer: serve answers one request of a connection at a time. What it reports as an error the server has done wrong.
func (c *crowd) origin(ln net.Listener, serve func(net.Conn, *bufio.Reader) (keep bool, err error)) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			r := bufio.NewReader(conn)
			for keep := true; keep; {
				_ = conn.SetDeadline(time.Now().Add(6 * weirtest.Patience()))
				var err error
				if keep, err = serve(conn, r); err != nil {
					c.fail("the origin: %v", err)
					return
				}
			}
		}()
	}
}
