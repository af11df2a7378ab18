package access

import (
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// The work that a hash may ask for. A password file is the operator's, but a slip in it must not keep processors busy for hours.
const (
	maxRounds = 2_000_000 // of crypt with SHA-2, which has 5000 as a rule
	maxCost   = 16        // of bcrypt, which doubles the work with each; 10 to 12 as a rule

	maxPassword = 512 // bytes of a password that is hashed, as in libxcrypt
)

// errYescrypt reports why a hash of today's Debian is refused.
var errYescrypt = errors.New("yescrypt (\"$y$\") is not supported; use \"htpasswd -B\" or \"openssl passwd -6\"")

// quickHash reports whether a password is compared with the hash in no time.
func quickHash(hash []byte) bool { return bytes.HasPrefix(hash, []byte("{")) }

// matchPassword compares a password with a hash, which may take up to seconds. An error says that no password can be compared with it.
func matchPassword(hash []byte, password string) (bool, error) {
	h := string(hash)
	if len(password) > maxPassword && h != "" && h[0] != '{' {
		return false, nil
	}
	switch {
	case strings.HasPrefix(h, "{PLAIN}"):
		return same(h, "{PLAIN}"+password), nil
	case strings.HasPrefix(h, "{SHA}"):
		sum := sha1.Sum([]byte(password))
		return same(h, "{SHA}"+base64.StdEncoding.EncodeToString(sum[:])), nil
	case strings.HasPrefix(h, "{SSHA}"):
		return matchSSHA(h, password), nil
	case strings.HasPrefix(h, "$apr1$"):
		return same(h, md5Crypt("$apr1$", h[6:], password)), nil
	case strings.HasPrefix(h, "$1$"):
		return same(h, md5Crypt("$1$", h[3:], password)), nil
	case strings.HasPrefix(h, "$5$"), strings.HasPrefix(h, "$6$"):
		return matchSHACrypt(h, password)
	case strings.HasPrefix(h, "$2a$"), strings.HasPrefix(h, "$2b$"), strings.HasPrefix(h, "$2y$"):
		return matchBcrypt(h, password)
	case strings.HasPrefix(h, "$y$"), strings.HasPrefix(h, "$gy$"), strings.HasPrefix(h, "$7$"):
		return false, errYescrypt
	case len(h) == 13:
		return same(h, desCrypt(h[:2], password)), nil
	}
	return false, nil
}

// same compares in a time that does not depend on how much is equal.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// matchSSHA compares with {SSHA}: the base64 of a SHA-1 of password and salt, and the salt.
func matchSSHA(h, password string) bool {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h, "{SSHA}"))
	if err != nil || len(raw) < sha1.Size {
		return false
	}
	sum := sha1.Sum(append([]byte(password), raw[sha1.Size:]...))
	return subtle.ConstantTimeCompare(sum[:], raw[:sha1.Size]) == 1
}

func matchBcrypt(h, password string) (bool, error) {
	cost, err := bcrypt.Cost([]byte(h))
	switch {
	case err != nil:
		return false, nil // as crypt() says of what is no hash: no password is right
	case cost > maxCost:
		return false, fmt.Errorf("a bcrypt cost of %d would take too long, at most %d is taken", cost, maxCost)
	}
	if len(password) > 72 {
		password = password[:72] // what is behind does not count, as in crypt()
	}
	return bcrypt.CompareHashAndPassword([]byte(h), []byte(password)) == nil, nil
}

// matchSHACrypt compares with crypt's $5$ and $6$.
func matchSHACrypt(h, password string) (bool, error) {
	rounds, salt, named := 5000, h[3:], false
	if rest, ok := strings.CutPrefix(salt, "rounds="); ok {
		text, after, ok := strings.Cut(rest, "$")
		n, err := strconv.ParseUint(text, 10, 64)
		if !ok || err != nil {
			return false, nil
		}
		rounds, salt, named = int(max(1000, min(n, 999_999_999))), after, true
	}
	if rounds > maxRounds {
		return false, fmt.Errorf("%d rounds would take too long, at most %d are taken", rounds, maxRounds)
	}
	salt, _, _ = strings.Cut(salt, "$")
	salt = salt[:min(len(salt), 16)]
	head := h[:3]
	if named {
		head += "rounds=" + strconv.Itoa(rounds) + "$"
	}
	return same(h, head+salt+"$"+shaCrypt(h[1] == '6', password, salt, rounds)), nil
}
