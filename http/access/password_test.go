package access

import (
	"strings"
	"testing"
)

// TestMatchPassword holds passwords against hashes that crypt(3), htpasswd and openssl have made.
func TestMatchPassword(t *testing.T) {
	tests := []struct{ hash, password string }{
		{"sa3tHJ3/KuYvI", "password"},
		{"sa3tHJ3/KuYvI", "password, of which eight bytes count"},
		{"zZuvaTPWhLDi.", "Wq8!x"},
		{"..4/MD05HLWjI", "a"},
		{"$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", "password"},
		{"$1$s$iXWZU0LDEJ7Jjmms7KFsH0", ""},
		{"$5$saltstring$OH4IDuTlsuTYPdED1gsuiRMyTAwNlRWyA6Xr3I4/dQ5", "password"},
		{"$5$rounds=1234$abc$aQSNumOR/pOT9tIU.8FWgICfG41hYTrpMTePMBoxJv.", "p\u00e4ssword longer than thirty-two bytes, really"},
		{"$6$saltstringsaltst$6JOgtRfhXqEisnc/Nr64lml/zPnCnvtLyMVxFEVg0sI2Ph9URAKlnVjjIHOFI2r8ATszyoPTXlBwcJIQYQ0QN0", "password"},
		{"$6$rounds=1001$q$g2nfjWq9owB9hM063d1l3osFeAeYSQ1usDw2Qh/uPFNbn8qC4K5wmNTshxKbCV63.Hk03B7g2otmiwAEHlfQV0", strings.Repeat("x", 70)},
		{"$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm", "password"},
		{"$2y$04$9lfr1cMoVau1U2LNwKeRLevSie8g0uE5S6oYNn7nMhDReUPEj.ib6", "secret"},
		{"$apr1$4uBtNMGI$rgZXn6FrmwaNUZ/7T88jd/", "secret"},
		{"$apr1$abcdefgh$CZx3qOBL3IJw7t4yUwt4J.", "hello world"},
		{"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"},
		{"{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0", "password"},
		{"{PLAIN}secret", "secret"},
	}
	for _, tt := range tests {
		if ok, err := matchPassword([]byte(tt.hash), tt.password); !ok || err != nil {
			t.Errorf("%s of %q: %v, %v", tt.hash, tt.password, ok, err)
		}
		for _, wrong := range []string{"", "Secret", "another", tt.password + "\x01"} {
			if wrong == tt.password || len(tt.hash) == 13 && len(tt.password) >= 8 && strings.HasPrefix(wrong, tt.password) {
				continue
			}
			if ok, err := matchPassword([]byte(tt.hash), wrong); ok || err != nil {
				t.Errorf("%s of %q: %v, %v", tt.hash, wrong, ok, err)
			}
		}
		for cut := range tt.hash { // what is left of a hash is no hash, or another
			ok, err := matchPassword([]byte(tt.hash[:cut]), tt.password)
			if err != nil || ok && !strings.HasPrefix(tt.hash, "{PLAIN}") {
				t.Errorf("%s of %q: %v, %v", tt.hash[:cut], tt.password, ok, err)
			}
		}
	}
}

// TestHashTooDear: what would take minutes is refused at once.
func TestHashTooDear(t *testing.T) {
	for _, hash := range []string{
		"$6$rounds=999999999$salt$x", "$5$rounds=18446744073709551615$salt$x", "$2y$31$9lfr1cMoVau1U2LNwKeRLevSie8g0uE5S6oYNn7nMhDReUPEj.ib6", "$y$j9T$abc$x",
	} {
		if ok, err := matchPassword([]byte(hash), "x"); ok || err == nil {
			t.Errorf("%s: %v, %v", hash, ok, err)
		}
	}
	const plain = "$6$salt$x"
	if ok, err := matchPassword([]byte(plain), strings.Repeat("x", 8000)); ok || err != nil {
		t.Errorf("a long password: %v, %v", ok, err)
	}
}

// TestFindUser looks users up in a password file.
func TestFindUser(t *testing.T) {
	const text = "# comment\n\n#no:x\nab:1\r\na:2:comment\nabc:\n\xff:3\nlong line without a colon\nab:4\nlast:5"
	for user, want := range map[string]string{
		"ab": "1", "a": "2", "abc": "", "\xff": "3", "last": "5", "#no": "<none>", "": "<none>", "b": "<none>", "a:2": "comment", "long": "<none>",
	} {
		got := "<none>"
		if hash := findUser([]byte(text), user); hash != nil {
			got = string(hash)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", user, got, want)
		}
	}
}
