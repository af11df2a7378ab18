package chaos

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"weir/weirtest"
)

// builtOnce saves asking the go command for each test.
var builtOnce = sync.OnceValues(weirtest.Binary)

// tortureBinary is the weir under test.
func tortureBinary(t *testing.T) string {
	t.Helper()
	binary, err := builtOnce()
	if errors.Is(err, weirtest.ErrNoServer) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func mustTake(t *testing.T, p *weirtest.Ports) string {
	t.Helper()
	addr, err := p.Take()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// startTorture writes the configuration, starts the server on it, and stops it with the test: a server that
// was tormented must still end well.
func startTorture(t *testing.T, o weirtest.Options, conf string) *weirtest.Server {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(o.Dir, "www"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := weirtest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !s.Exited() {
			if code, err := s.Stop(syscall.SIGTERM); code != 0 {
				t.Errorf("exit status %d, %v\n%s", code, err, s.Output())
			}
		}
		s.Kill()
	})
	return s
}
