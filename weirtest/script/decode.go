package script

import (
	"bytes"
	"compress/gzip"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// runDecoded takes the last answer's body out of its coding.
func runDecoded(r *run, args []string) {
	a := r.last()
	in := bytes.NewReader(a.Body)
	var out io.Reader
	var err error
	switch args[0] {
	case "gzip":
		out, err = gzip.NewReader(in)
	case "br":
		out = brotli.NewReader(in)
	case "zstd":
		out, err = zstd.NewReader(in)
	default:
		r.fail("no such coding: %s", args[0])
	}
	r.must(err)
	body, err := io.ReadAll(out)
	r.must(err)
	a.Body = body
}
