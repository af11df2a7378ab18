package cache

import (
	"bytes"
	"encoding/hex"
	"runtime"
	"testing"
)

// fileOf is a file of the cache.
func fileOf(h Header, key, head, body string) []byte {
	h.CRC = CRC([]byte(key))
	h.HeaderStart = uint16(HeaderStart(len(key)))
	h.BodyStart = h.HeaderStart + uint16(len(head))
	b := AppendKey(h.Append(nil), []byte(key))
	return append(append(b, head...), body...)
}

// TestHeaderOfNginx reads what nginx 1.31.5 has written, and writes the same.
func TestHeaderOfNginx(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("it was written where numbers have 64 bits and begin with the lowest")
	}
	h := Header{
		ValidSec: 0x6a1b2c3d, UpdatingSec: 10, ErrorSec: 20, LastModified: 784111777, Date: 0x6a1b2c00, CRC: 0x01020304,
		HeaderStart: 0x0180, BodyStart: 0x0200, ETag: []byte(`"one"`), Vary: []byte("Accept"), Variant: Sum{0xaa, 0xbb},
	}
	b := h.Append(nil)
	want := "0500000000000000" + "3d2c1b6a00000000" + "0a00000000000000" + "1400000000000000" + "a198bc2e00000000" + "002c1b6a00000000" +
		"04030201" + "0000" + "8001" + "0002" + "05" + hex.EncodeToString([]byte(`"one"`))
	if got := hex.EncodeToString(b[:64]); got != want {
		t.Errorf("the beginning is\n%s, wanted\n%s", got, want)
	}
	if len(b) != 336 || b[187] != 6 || string(b[188:194]) != "Accept" || b[316] != 0xaa || b[317] != 0xbb {
		t.Errorf("the rest is wrong: %x", b[64:])
	}
}

// TestParse reads a file, and the same cut at every byte, or with each byte changed.
func TestParse(t *testing.T) {
	const key, head = "http://a/b?c", "HTTP/1.1 200 OK\r\n\r\n"
	want := Header{ValidSec: 5, LastModified: -1, Date: 7, ETag: []byte("W/\"x\""), Vary: []byte("a, b"), Variant: Sum{1, 2, 3}, Length: LengthCheck(4)}
	all := fileOf(want, key, head, "body")
	start := HeaderStart(len(key))
	var h Header
	if f := h.Parse(all, []byte(key), CRC([]byte(key)), 4096); f != "" {
		t.Fatal(f)
	}
	if h.ValidSec != 5 || h.LastModified != -1 || h.Date != 7 || !bytes.Equal(h.ETag, want.ETag) || !bytes.Equal(h.Vary, want.Vary) ||
		h.Variant != want.Variant || int(h.HeaderStart) != start || string(all[h.HeaderStart:h.BodyStart]) != head {
		t.Errorf("read %+v", h)
	}
	if !h.Fits(4) || h.Fits(3) || h.Fits(-1) {
		t.Error("the length is not checked")
	}
	for n := range len(all) {
		var h Header
		f := h.Parse(all[:n:n], []byte(key), CRC([]byte(key)), 4096)
		switch {
		case n < start && f != TooSmall, n >= start && n < start+len(head) && f != LongHeader, n >= start+len(head) && f != "":
			t.Errorf("cut at %d: %q", n, f)
		}
	}
	for _, c := range []struct {
		name string
		do   func(b []byte)
		want Fault
	}{
		{"version", func(b []byte) { b[0] = 4 }, OtherVersion},
		{"crc", func(b []byte) { b[atCRC]++ }, Collision},
		{"key", func(b []byte) { b[start-2]++ }, Collision},
		{"header start", func(b []byte) { b[atHeaderStart]++ }, Collision},
		{"body start too large", func(b []byte) { b[atBodyStart+1] = 0xff }, LongHeader},
		{"body start too small", func(b []byte) { b[atBodyStart+1] = 0 }, LongHeader},
		{"vary", func(b []byte) { b[atVaryLen] = 129 }, BadVary},
		{"etag", func(b []byte) { b[atETagLen] = 129 }, BadVary},
	} {
		b := bytes.Clone(all)
		c.do(b)
		var h Header
		if f := h.Parse(b, []byte(key), CRC([]byte(key)), 4096); f != c.want {
			t.Errorf("%s: %q, wanted %q", c.name, f, c.want)
		}
	}
}

// FuzzParse looks for files that make it fall over.
func FuzzParse(f *testing.F) {
	f.Add(fileOf(Header{Vary: []byte("a")}, "k", "HTTP/1.1 200 OK\r\n\r\n", "x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Header
		if h.Parse(b, []byte("k"), CRC([]byte("k")), len(b)) == "" {
			_ = b[h.HeaderStart:h.BodyStart]
			if i := NewItem(b, []byte("k"), CRC([]byte("k"))); string(i.Key) != "k" {
				t.Errorf("the key is %q", i.Key)
			}
		}
	})
}

// TestPath names files as nginx does.
func TestPath(t *testing.T) {
	sum := SumOf([]byte("http://127.0.0.1/"))
	name := hex.EncodeToString(sum[:])
	for _, tt := range []struct {
		levels [3]int
		want   string
	}{
		{[3]int{}, "/c/" + name},
		{[3]int{1, 2}, "/c/" + name[31:] + "/" + name[29:31] + "/" + name},
		{[3]int{2, 2, 2}, "/c/" + name[30:] + "/" + name[28:30] + "/" + name[26:28] + "/" + name},
	} {
		c := &Cache{Conf: Conf{Dir: "/c", Levels: tt.levels}}
		got := c.Path(sum)
		if got != tt.want {
			t.Errorf("%v: %s, wanted %s", tt.levels, got, tt.want)
		}
		if k, ok := keyOf(got); !ok || k != sum {
			t.Errorf("%s is the file of %x", got, k)
		}
	}
	for _, bad := range []string{"short", "/c/" + name[:31] + "g", name[:31]} {
		if _, ok := keyOf(bad); ok {
			t.Errorf("%s is taken for a file", bad)
		}
	}
}
