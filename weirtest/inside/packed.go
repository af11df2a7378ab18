package inside

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"regexp"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// Pack packs a text by gzip.
func Pack(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text)) // into memory
	_ = z.Close()
	return b.String()
}

var codingRE = regexp.MustCompile(`(?m)^Content-Encoding: (\w+)$`)

// Unpack takes a body out of the coding that the head names. What is not whole comes with an error.
func Unpack(head, body string) (string, error) {
	m := codingRE.FindStringSubmatch(head)
	if m == nil {
		return body, nil
	}
	in := bytes.NewReader([]byte(body))
	var out io.Reader
	var err error
	switch m[1] {
	case "gzip":
		out, err = gzip.NewReader(in)
	case "br":
		out = brotli.NewReader(in)
	case "zstd":
		out, err = zstd.NewReader(in)
	default:
		err = fmt.Errorf("no such coding: %s", m[1])
	}
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(out)
	return string(text), err
}
