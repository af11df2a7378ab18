package ssl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/certs"
	"weir/http"
	"weir/load"
	"weir/weirtest"
)

// TestTexts reads many certificates: each is checked, unless a master has done so, none is made before it is wanted, and those that have
// the same in them are one.
func TestTexts(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, o weirtest.CertificateOptions) {
		if err := weirtest.WriteCertificate(dir, name, o); err != nil {
			t.Fatal(err)
		}
	}
	copied := func(from, to string) {
		b, err := os.ReadFile(filepath.Join(dir, from))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	id := func(cert, key string) pairID {
		return pairID{cert: filepath.Join(dir, cert+".crt"), key: filepath.Join(dir, key+".key")}
	}
	var ids []pairID
	for i := range 30 {
		name := fmt.Sprintf("good%d", i)
		write(name, weirtest.CertificateOptions{})
		ids = append(ids, id(name, name))
	}
	write("old", weirtest.CertificateOptions{Expired: true})
	for _, name := range []string{"good0", "old"} {
		copied(name+".crt", name+"-too.crt")
		copied(name+".key", name+"-too.key")
	}
	ids = append(ids, id("good0-too", "good0-too"), id("old", "old"), id("old-too", "old-too"), id("good1", "good2"), id("nope", "nope"))
	for _, checked := range []bool{false, true} {
		s := &sslBuilder{b: &http.Builder{Env: &load.Env{Options: load.Options{Checked: checked}}}, read: os.ReadFile, now: time.Now()}
		s.ahead(nil)
		for _, id := range ids {
			s.texts.byID[id] = &pairRead{}
		}
		s.texts.load(s, ids)
		for _, id := range ids {
			r, err := s.texts.read(s, id)
			name := strings.TrimSuffix(filepath.Base(id.cert), ".crt")
			want, warning := "", ""
			switch {
			case name == "nope":
				want = `cannot load certificate "` + id.cert + `": BIO_new_file() failed (`
			case name == "good1" && id == ids[len(ids)-2]:
				want = `SSL_CTX_use_PrivateKey("` + id.key + `") failed (SSL: error:05800074`
			case strings.HasPrefix(name, "old"):
				warning = `certificate "` + id.cert + `" expired on `
			}
			if !checked && (want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want))) {
				t.Errorf("%s: %v; want %q", name, err, want)
			}
			if !checked && (warning == "" && r.warnings != nil || warning != "" && (len(r.warnings) != 1 || !strings.HasPrefix(r.warnings[0], warning))) {
				t.Errorf("%s: warnings %q; want %q", name, r.warnings, warning)
			}
			if checked && (err != nil || r.warnings != nil) {
				t.Errorf("%s was checked again: %v %q", name, err, r.warnings)
			}
			if r.text.Have() != nil {
				t.Errorf("%s was made before it was wanted", name)
			}
		}
		text := func(name string) *certs.PairText { r, _ := s.texts.read(s, id(name, name)); return r.text }
		if text("good0") != text("good0-too") || text("old") != text("old-too") || text("good0") == text("good1") {
			t.Error("those that have the same in them should be one, and others not")
		}
	}
}
