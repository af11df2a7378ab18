package proxy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// protocolFiles are the beginnings of the names of files that make up protocols.
var protocolFiles = []string{"protocol", "http1", "redirect", "cookie", "cgi_", "fastcgi", "uwsgi", "scgi", "memcached", "h2_", "grpc"}

// TestProtocolsStandBelow: no protocol knows the exchange, and only that of HTTP/1 knows package h1.
func TestProtocolsStandBelow(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range f.Imports {
			if imp.Path.Value == `"weir/http/h1"` && !strings.HasPrefix(name, "http1") && name != "cgi_response.go" {
				t.Errorf("%s imports h1: what is HTTP/1 belongs to http1*.go", name)
			}
		}
		below := false
		for _, p := range protocolFiles {
			below = below || strings.HasPrefix(name, p)
		}
		if !below {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && (id.Name == "exchange" || id.Name == "handler") {
				t.Errorf("%s speaks of %s, which is above it", name, id.Name)
			}
			return true
		})
	}
}
