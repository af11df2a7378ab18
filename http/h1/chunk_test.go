package h1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"weir/http"
)

// chunkTests are also the seeds of FuzzChunked. want is the body; fault says that there is one, more
// that the body is not finished. rest is what lies behind the body.
var chunkTests = []struct {
	name, in, want, rest string
	fault, more          bool
}{
	{name: "empty", in: "0\r\n\r\n"},
	{name: "one chunk", in: "5\r\nhello\r\n0\r\n\r\n", want: "hello"},
	{name: "two chunks", in: "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", want: "hello!"},
	{name: "next request", in: "1\r\na\r\n0\r\n\r\nGET /", want: "a", rest: "GET /"},
	{name: "hex digits", in: "1a\r\n" + strings.Repeat("x", 26) + "\r\n0A\r\n0123456789\r\n0\r\n\r\n", want: strings.Repeat("x", 26) + "0123456789"},
	{name: "leading zeros", in: "0001\r\na\r\n000\r\n\r\n", want: "a"},
	{name: "CRLF in data", in: "4\r\n\r\n\r\n\r\n0\r\n\r\n", want: "\r\n\r\n"},
	{name: "extension", in: "1;a=\"b;\t\"\r\nx\r\n0;c\r\n\r\n", want: "x"},
	{name: "space after size", in: "1 \r\nx\r\n0\t\r\n\r\n", want: "x"},
	{name: "trailer", in: "0\r\nA: b\r\nC: d\r\n\r\nrest", rest: "rest"},
	{name: "trailer with odd bytes", in: "0\r\n\x00 :\r\n\r\n"},

	{name: "no bytes", in: "", more: true},
	{name: "size without end", in: "5", more: true},
	{name: "data without end", in: "5\r\nhel", want: "hel", more: true},
	{name: "last chunk without end", in: "0\r\n", more: true},
	{name: "largest chunk", in: "7fffffffffffff00\r\nabc", want: "abc", more: true},

	{name: "no size", in: "\r\nabc", fault: true},
	{name: "extension without size", in: ";a\r\n", fault: true},
	{name: "space before size", in: " 1\r\na\r\n", fault: true},
	{name: "sign", in: "+1\r\na\r\n", fault: true},
	{name: "negative", in: "-1\r\na\r\n", fault: true},
	{name: "0x", in: "0x1\r\na\r\n", fault: true},
	{name: "letter after size", in: "1g\r\n", fault: true},
	{name: "overflow", in: "10000000000000000\r\na", fault: true},
	{name: "largest number", in: "7fffffffffffffff\r\na", fault: true},
	{name: "negative by overflow", in: "ffffffffffffffff\r\na", fault: true},
	{name: "LF after size", in: "1\na\r\n0\r\n\r\n", fault: true},
	{name: "LF after extension", in: "1;b\na\r\n0\r\n\r\n", fault: true},
	{name: "bare CR after size", in: "1\ra\r\n", fault: true},
	{name: "bare CR in extension", in: "1;a\rb\r\nx\r\n", fault: true},
	{name: "LF after data", in: "1\r\na\n0\r\n\r\n", want: "a", fault: true},
	{name: "data longer than size", in: "1\r\nab\r\n0\r\n\r\n", want: "a", fault: true},
	{name: "data shorter than size", in: "3\r\na\r\n0\r\n\r\n", want: "a\r\n", fault: true},
	{name: "LF after last chunk", in: "0\n\r\n", fault: true},
	{name: "LF for the empty line", in: "0\r\n\n", fault: true},
	{name: "LF after trailer", in: "0\r\nA: b\n\r\n", fault: true},
	{name: "bare CR in trailer", in: "0\r\nA: b\rc\r\n\r\n", fault: true},
	{name: "long extension", in: "1;" + strings.Repeat("a", maxSizeLine) + "\r\n", fault: true},
	{name: "many zeros", in: strings.Repeat("0", maxSizeLine+1) + "\r\n", fault: true},
	{name: "long trailer", in: "0\r\n" + strings.Repeat("a", maxTrailer+1), fault: true},
}

// dechunk decodes parts of a body one after the other, taking at most limit bytes at once.
func dechunk(d *Chunked, limit int, parts ...string) (body, rest string, done bool, err error) {
	var b bytes.Buffer
	for i, part := range parts {
		in := []byte(part)
		for len(in) > 0 || done {
			data, used, end, err := d.Next(in, limit)
			b.Write(data)
			if in = in[used:]; err != nil {
				return b.String(), string(in), false, err
			}
			if done = end; done {
				return b.String(), string(in) + strings.Join(parts[i+1:], ""), true, nil
			}
			if len(data) == 0 && len(in) > 0 {
				return b.String(), string(in), false, fmt.Errorf("%d bytes left over", len(in))
			}
		}
	}
	return b.String(), "", done, nil
}

func TestChunked(t *testing.T) {
	for _, tt := range chunkTests {
		t.Run(tt.name, func(t *testing.T) {
			check := func(how string, limit int, parts ...string) {
				t.Helper()
				var d Chunked
				got, rest, done, err := dechunk(&d, limit, parts...)
				if got != tt.want || !tt.fault && rest != tt.rest || done == (tt.more || tt.fault) || (err == FaultChunk) != tt.fault {
					t.Errorf("%s: got %.40q, rest %.40q, done %v, %v", how, got, rest, done, err)
				}
			}
			check("at once", 1<<20, tt.in)
			check("in small bites", 1, tt.in)
			check("byte by byte", 1<<20, strings.Split(tt.in, "")...)
			for cut := range min(len(tt.in), 100) {
				check(fmt.Sprint("cut at ", cut), 1<<20, tt.in[:cut], tt.in[cut:])
			}
		})
	}
}

// TestChunkedWant sees that a body is never shorter than was said, and that the last word is right.
func TestChunkedWant(t *testing.T) {
	for _, tt := range chunkTests {
		if tt.fault || tt.more {
			continue
		}
		whole := tt.in[:len(tt.in)-len(tt.rest)]
		for cut := range len(whole) {
			var d Chunked
			_, _, _, _ = dechunk(&d, 1<<20, whole[:cut])
			left := int64(len(whole) - cut)
			if want := d.Want(); want > left || want < 1 {
				t.Errorf("%s: after %d bytes wants %d, %d are left", tt.name, cut, want, left)
			}
		}
	}
}

func TestChunkedTrailers(t *testing.T) {
	tests := []struct {
		name, in, want string
		fault          error
	}{
		{"none", "0\r\n\r\n", "", nil},
		{"two", "1\r\na\r\n0\r\nA: b\r\nX_y:  c \r\n\r\n", "A=b X_y=c", nil},
		{"LF only", "0\r\nA: b\nC: d\n\n", "A=b C=d", nil},
		{"without colon", "0\r\nA\r\n\r\n", "A=", nil},
		{"obs-fold", "0\r\nA: b\r\n c\r\n\r\n", "", http.FaultField},
		{"NUL", "0\r\nA: \x00\r\n\r\n", "", http.FaultField},
		{"several CRs", "0\r\nA: b\r\r\n\r\n", "A=b", nil},
		{"several CRs for the empty line", "0\r\n\r\r\n", "", FaultChunk},
		{"too long", "0\r\nA: 01234567890123456789012345678901234567890123456789\r\n\r\n", "", FaultChunk},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, parts := range [][]string{{tt.in}, strings.Split(tt.in, "")} {
				var d Chunked
				d.KeepTrailer(make([]byte, 0, 50))
				_, _, done, err := dechunk(&d, 1<<20, parts...)
				var f http.Fields
				if err == nil && done {
					f, err = d.Trailers(nil)
				}
				var got []string
				for i := range f {
					got = append(got, string(f[i].Name)+"="+string(f[i].Value))
				}
				if err != tt.fault || strings.Join(got, " ") != tt.want {
					t.Errorf("got %q %v", got, err)
				}
			}
		})
	}
}

func TestChunkedAllocs(t *testing.T) {
	in := []byte("5;a\r\nhello\r\n0\r\nA: b\r\n\r\n")
	var d Chunked
	if n := testing.AllocsPerRun(100, func() {
		d.Reset()
		for rest, done := in, false; !done; {
			var used int
			_, used, done, _ = d.Next(rest, 100)
			rest = rest[used:]
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkChunked(b *testing.B) {
	var in []byte
	for range 8 {
		in = AppendChunkHead(in, 8192)
		in = append(in, make([]byte, 8192)...)
		in = append(in, "\r\n"...)
	}
	in = append(in, "0\r\n\r\n"...)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		var d Chunked
		for rest, done := in, false; !done; {
			_, used, end, err := d.Next(rest, 1<<20)
			if err != nil {
				b.Fatal(err)
			}
			rest, done = rest[used:], end
		}
	}
}

// FuzzChunked sees that the cuts between reads change nothing, and that what was decoded reads the
// same when it is encoded again.
func FuzzChunked(f *testing.F) {
	for _, tt := range chunkTests {
		if len(tt.in) > 1000 {
			continue
		}
		f.Add(tt.in, uint16(len(tt.in)/2), uint8(3), false)
	}
	f.Add("0\r\nA: b\n\n", uint16(4), uint8(9), true)
	f.Fuzz(func(t *testing.T, in string, cut uint16, limit uint8, keep bool) {
		if int(cut) > len(in) || limit == 0 {
			return
		}
		var one, two Chunked
		if keep {
			one.KeepTrailer(make([]byte, 0, 1024))
			two.KeepTrailer(make([]byte, 0, 1024))
		}
		body, rest, done, err := dechunk(&one, 1<<20, in)
		body2, rest2, done2, err2 := dechunk(&two, int(limit), in[:cut], in[cut:])
		if err != nil && err != FaultChunk {
			t.Fatal(err)
		}
		if body != body2 || done != done2 || err != err2 || err == nil && rest != rest2 {
			t.Errorf("at once %q %q %v %v, in parts %q %q %v %v", body, rest, done, err, body2, rest2, done2, err2)
		}
		if !done {
			return
		}
		if keep {
			_, _ = one.Trailers(nil)
		}
		var again []byte
		if body != "" {
			again = AppendChunkHead(again, int64(len(body)))
			again = append(append(again, body...), "\r\n"...)
		}
		var three Chunked
		if got, _, done, err := dechunk(&three, 1<<20, string(again)+"0\r\n\r\n"); got != body || !done || err != nil {
			t.Errorf("encoded again: %q %v %v", got, done, err)
		}
	})
}
