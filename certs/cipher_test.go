package certs

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func names(ids []uint16) string {
	var all []string
	for _, id := range ids {
		all = append(all, CipherText(id))
	}
	return strings.Join(all, " ")
}

func TestParseCiphers(t *testing.T) {
	tests := []struct{ list, want, missing string }{
		{"ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256"},
		{"ECDHE+AESGCM", "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256", ""},
		{"EECDH+ECDSA+AESGCM !AES128", "ECDHE-ECDSA-AES256-GCM-SHA384", ""},
		{"ALL:!kRSA:!SHA1:!AESGCM:!SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305", ""},
		{"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", ""},
		{"AES128-SHA:-AES128-SHA:AES256-SHA:+AES256-SHA:@STRENGTH", "AES256-SHA", ""},
		{"!AES128-SHA:AES128-SHA:AES256-SHA:nonsense:RC4-SHA", "AES256-SHA", ""},
		{"DHE-RSA-AES256-SHA", "", "DHE-RSA-AES256-SHA"},
	}
	for _, tt := range tests {
		ids, missing, err := ParseCiphers(tt.list)
		if err != nil || names(ids) != tt.want || strings.Join(missing, " ") != tt.missing {
			t.Errorf("%s: %q, missing %q, %v; want %q, %q", tt.list, names(ids), missing, err, tt.want, tt.missing)
		}
	}
	for _, list := range []string{"foo", "", "!ALL", "RC4", "AES128-SHA:!SHA1"} {
		_, _, err := ParseCiphers(list)
		want := `SSL_CTX_set_cipher_list("` + list + `") failed (SSL: error:0A0000B9:SSL routines::no cipher match)`
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", list, err, want)
		}
	}
}

// TestCiphersOfOpenSSL compares lists with those of the openssl program, where there is one: what crypto/tls has of them.
func TestCiphersOfOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl")
	}
	for _, list := range []string{
		"HIGH:!aNULL:!MD5", "DEFAULT", "ALL", "HIGH", "ECDHE+AESGCM:ECDHE+CHACHA20", "kRSA", "aRSA", "RSA", "ECDHE", "EECDH", "ECDH", "ECDSA",
		"AES128", "AES256", "AES", "AESGCM", "CHACHA20", "SHA1", "SHA256", "SHA384:AES", "TLSv1.2", "TLSv1", "SSLv3:AESGCM", "CBC", "FIPS",
		"HIGH:!kEDH:!ADH:!MD5:@STRENGTH", "EECDH+AESGCM:EDH+AESGCM:AES256+EECDH", "SUITEB128", "DEFAULT:!SHA1",
		"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" +
			"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384",
	} {
		out, err := exec.Command("openssl", "ciphers", list).Output()
		if err != nil {
			t.Fatalf("%s: %v", list, err)
		}
		theirs := map[string]bool{}
		for _, name := range strings.Split(strings.TrimSpace(string(out)), ":") {
			theirs[name] = true
		}
		ids, _, err := ParseCiphers(list)
		if err != nil {
			t.Error(err)
		}
		ours := " " + names(ids) + " "
		for _, c := range ciphers {
			if got := strings.Contains(ours, " "+c.name+" "); got != theirs[c.name] {
				t.Errorf("%s: %s chosen: %v; want %v", list, c.name, got, theirs[c.name])
			}
		}
	}
}

func TestParseCurves(t *testing.T) {
	tests := []struct{ list, want, missing, err string }{
		{"auto", "", "", ""},
		{"prime256v1", "prime256v1", "", ""},
		{"X25519MLKEM768:X25519:P-256", "X25519MLKEM768 X25519 prime256v1", "", ""},
		{"secp384r1:X448:secp521r1", "secp384r1 secp521r1", "X448", ""},
		{"?foo:x25519", "X25519", "", ""},
		{"foo", "", "", `SSL_CTX_set1_curves_list("foo") failed (SSL: error:0A080106:SSL routines::passed invalid argument:group 'foo' cannot be set)`},
		{"X448", "", "X448", `SSL_CTX_set1_curves_list("X448") failed (SSL: error:0A080106:SSL routines::passed invalid argument:group 'X448' cannot be set)`},
	}
	for _, tt := range tests {
		ids, missing, err := ParseCurves(tt.list)
		var got []string
		for _, id := range ids {
			got = append(got, CurveText(id))
		}
		said := ""
		if err != nil {
			said = err.Error()
		}
		if strings.Join(got, " ") != tt.want || strings.Join(missing, " ") != tt.missing || said != tt.err {
			t.Errorf("%s: %q, %q, %v", tt.list, got, missing, err)
		}
	}
}

func TestProtocolRange(t *testing.T) {
	tests := []struct {
		p         Protocols
		low, high string
		warns, ok bool
	}{
		{TLSv12 | TLSv13, "TLSv1.2", "TLSv1.3", false, true},
		{TLSv1 | TLSv11 | TLSv12, "TLSv1", "TLSv1.2", false, true},
		{TLSv1 | TLSv12, "TLSv1.2", "TLSv1.2", true, true},
		{SSLv3 | TLSv1, "TLSv1", "TLSv1", false, true},
		{SSLv3, "unknown", "unknown", false, false},
	}
	for _, tt := range tests {
		low, high, warning, ok := tt.p.Range()
		if VersionText(low) != tt.low || VersionText(high) != tt.high || warning != "" != tt.warns || ok != tt.ok {
			t.Errorf("%b: %x to %x, %q, %v", tt.p, low, high, warning, ok)
		}
	}
}

// FuzzParseCiphers reads lists that nobody would write: whatever comes out is known, and what comes out by its names is the same.
func FuzzParseCiphers(f *testing.F) {
	for _, s := range []string{"HIGH:!aNULL:!MD5", "ECDHE+AESGCM", "DEFAULT:-RSA", "ALL:@STRENGTH", "!", "+", "-+", "a+", "@SECLEVEL=0:kRSA", ":::", "TLS_RSA_WITH_AES_128_GCM_SHA256"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		ids, _, err := ParseCiphers(list)
		if err != nil {
			if len(ids) > 0 {
				t.Errorf("%q: %v, and an error", list, ids)
			}
			return
		}
		var names []string
		for _, id := range ids {
			names = append(names, CipherText(id))
		}
		if len(ids) == 0 {
			return
		}
		again, _, err := ParseCiphers(strings.Join(names, ":"))
		if err != nil || !slices.Equal(again, ids) {
			t.Errorf("%q is %v, and its names are %v, %v", list, ids, again, err)
		}
	})
}
