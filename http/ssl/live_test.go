package ssl

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
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
	text := certs.ReadPair(os.ReadFile, cert, key, nil)
	l := newLive(text, cert, key, nil, log)
	if l.have() != nil {
		t.Error("it was made before it was wanted")
	}
	p, err := l.pair()
	if err != nil || l.have() != p {
		t.Fatal(err)
	}
	said := func(want string) {
		t.Helper()
		if want == "" && len(lines) > 0 || !strings.Contains(string(lines), want) {
			t.Errorf("the log has %q; want %q", lines, want)
		}
		lines = nil
	}
	if err := l.changed(os.ReadFile); err != nil || l.have() != p {
		t.Errorf("the same again: %v", err)
	}
	said("")
	good, _ := os.ReadFile(cert)
	if err := os.WriteFile(cert, append([]byte("# the same in other words\n"), good...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.changed(os.ReadFile); err != nil || l.have() != p {
		t.Errorf("the same in other words: %v", err)
	}
	said("")
	var heard *certs.Pair
	l.follow = append(l.follow, func(p *certs.Pair) { heard = p })
	other, _ := os.ReadFile(filepath.Join(dir, "b.crt"))
	if err := os.WriteFile(cert, slices.Concat(good, other), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.changed(os.ReadFile); err != nil || l.have() == p || len(l.have().Certificate.Certificate) != 2 {
		t.Errorf("a longer chain: %v", err)
	}
	said("was replaced by that which its file has now")
	write("a")
	if err := l.changed(os.ReadFile); err != nil || bytes.Equal(l.have().Leaf.Raw, p.Leaf.Raw) {
		t.Errorf("another one: %v", err)
	}
	said("was replaced by that which its file has now")
	now := l.have()
	if heard != now {
		t.Error("who follows has not heard of it")
	}
	for what, text := range map[string]string{
		"a mismatch": string(good), "nothing": "", "rubbish": "rubbish", "half of it": string(good[:len(good)/2]),
	} {
		if err := os.WriteFile(cert, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := l.changed(os.ReadFile); err == nil || l.have() != now {
			t.Errorf("%s was taken: %v", what, err)
		}
		said("the certificate that was there before stays in use")
	}
	write("a")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if err := l.changed(os.ReadFile); err == nil || l.have() != now {
		t.Errorf("no key: %v", err)
	}
	said("No such file or directory")
}
