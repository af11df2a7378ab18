package ssl

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/certs"
	"weir/logs"
	"weir/weirtest"
)

// said is the lines of a log.
type said []byte

func (s *said) WriteLevel(_ logs.Level, line []byte) error {
	*s = append(*s, line...)
	return nil
}

// TestLive changes a certificate and its key under a server: what is good is taken, what is not is told of, and the old stays.
func TestLive(t *testing.T) {
	dir := t.TempDir()
	write := func(names ...string) {
		for _, n := range names {
			if err := weirtest.WriteCertificate(dir, n, weirtest.CertificateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("a", "b")
	var lines said
	log := logs.NewLogger(logs.Options{}, logs.Target{Level: logs.Notice, Sink: &lines})
	cert, key := filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key")
	p, err := certs.LoadPair(os.ReadFile, cert, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := newLive(p, cert, key, nil, log)
	said := func(want string) {
		t.Helper()
		if want == "" && len(lines) > 0 || !strings.Contains(string(lines), want) {
			t.Errorf("the log has %q; want %q", lines, want)
		}
		lines = nil
	}
	if err := l.changed(os.ReadFile); err != nil || l.pair.Load() != p {
		t.Errorf("the same again: %v", err)
	}
	said("")
	good, _ := os.ReadFile(cert)
	var heard *certs.Pair
	l.follow = append(l.follow, func(p *certs.Pair) { heard = p })
	write("a")
	if err := l.changed(os.ReadFile); err != nil || bytes.Equal(l.pair.Load().Leaf.Raw, p.Leaf.Raw) {
		t.Errorf("another one: %v", err)
	}
	said("was replaced by that which its file has now")
	now := l.pair.Load()
	if heard != now {
		t.Error("who follows has not heard of it")
	}
	for what, text := range map[string]string{
		"a mismatch": string(good), "nothing": "", "rubbish": "rubbish", "half of it": string(good[:len(good)/2]),
	} {
		if err := os.WriteFile(cert, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := l.changed(os.ReadFile); err == nil || l.pair.Load() != now {
			t.Errorf("%s was taken: %v", what, err)
		}
		said("the certificate that was there before stays in use")
	}
	write("a")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if err := l.changed(os.ReadFile); err == nil || l.pair.Load() != now {
		t.Errorf("no key: %v", err)
	}
	said("No such file or directory")
}
