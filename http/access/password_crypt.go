package access

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"
)

// crypt64 are the digits of crypt(3).
const crypt64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// append64 appends the n lowest digits of v, the lowest first.
func append64(b []byte, v uint32, n int) []byte {
	for ; n > 0; n-- {
		b = append(b, crypt64[v&63])
		v >>= 6
	}
	return b
}

// repeated writes the first n bytes of a text that is sum over and over.
func repeated(h hash.Hash, sum []byte, n int) {
	for ; n > len(sum); n -= len(sum) {
		h.Write(sum)
	}
	h.Write(sum[:n])
}

// md5Crypt is crypt with MD5, by Poul-Henning Kamp: "$1$", and Apache's "$apr1$". salt may have the hash behind it.
func md5Crypt(magic, salt, password string) string {
	salt, _, _ = strings.Cut(salt, "$")
	salt = salt[:min(len(salt), 8)]
	key := []byte(password)

	inner := md5.Sum([]byte(password + salt + password))
	h := md5.New()
	h.Write([]byte(password + magic + salt))
	repeated(h, inner[:], len(key))
	for n := len(key); n > 0; n >>= 1 { // an odd bit: a NUL; an even one: the first byte of the password
		if n&1 != 0 {
			h.Write([]byte{0})
		} else {
			h.Write(key[:1])
		}
	}
	sum := h.Sum(nil)
	for i := range 1000 {
		h.Reset()
		first, last := sum, key
		if i&1 != 0 {
			first, last = key, sum
		}
		h.Write(first)
		if i%3 != 0 {
			h.Write([]byte(salt))
		}
		if i%7 != 0 {
			h.Write(key)
		}
		h.Write(last)
		sum = h.Sum(nil)
	}
	b := []byte(magic + salt + "$")
	for i := range 5 {
		third := i + 12
		if i == 4 {
			third = 5
		}
		b = append64(b, uint32(sum[i])<<16|uint32(sum[i+6])<<8|uint32(sum[third]), 4)
	}
	return string(append64(b, uint32(sum[11]), 2))
}

// shaCrypt is crypt with SHA-256 or SHA-512, by Ulrich Drepper: what stands behind the salt.
func shaCrypt(wide bool, password, salt string, rounds int) string {
	h := sha256.New()
	if wide {
		h = sha512.New()
	}
	key := []byte(password)
	sum := func(parts ...[]byte) []byte {
		h.Reset()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	b := sum(key, []byte(salt), key)
	h.Reset()
	h.Write([]byte(password + salt))
	repeated(h, b, len(key))
	for n := len(key); n > 0; n >>= 1 {
		if n&1 != 0 {
			h.Write(b)
		} else {
			h.Write(key)
		}
	}
	a := h.Sum(nil)

	h.Reset()
	for range key {
		h.Write(key)
	}
	p := stretched(h.Sum(nil), len(key))
	h.Reset()
	for range 16 + int(a[0]) {
		h.Write([]byte(salt))
	}
	s := stretched(h.Sum(nil), len(salt))

	for i := range rounds {
		h.Reset()
		first, last := a, p
		if i&1 != 0 {
			first, last = p, a
		}
		h.Write(first)
		if i%3 != 0 {
			h.Write(s)
		}
		if i%7 != 0 {
			h.Write(p)
		}
		h.Write(last)
		a = h.Sum(a[:0])
	}
	return string(shaDigits(a, wide))
}

// stretched is the first n bytes of sum over and over.
func stretched(sum []byte, n int) []byte {
	b := make([]byte, 0, n+len(sum))
	for len(b) < n {
		b = append(b, sum...)
	}
	return b[:n]
}

// shaDigits writes a sum in crypt's digits: three bytes at a time, a third of the sum apart, whose order turns from one to the next.
func shaDigits(a []byte, wide bool) (b []byte) {
	third, turn := 10, [3]int{0, 10, 20}
	if wide {
		third, turn = 21, [3]int{0, 21, 42}
	}
	for range third {
		b = append64(b, uint32(a[turn[0]])<<16|uint32(a[turn[1]])<<8|uint32(a[turn[2]]), 4)
		if wide {
			turn = [3]int{turn[1] + 1, turn[2] + 1, turn[0] + 1}
		} else {
			turn = [3]int{turn[2] + 1, turn[0] + 1, turn[1] + 1}
		}
	}
	if wide {
		return append64(b, uint32(a[63]), 2)
	}
	return append64(b, uint32(a[31])<<8|uint32(a[30]), 3)
}
