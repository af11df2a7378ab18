package weir_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"

	"weir/weirtest/script"
)

var update = flag.Bool("update", false, "write generated files anew instead of comparing them")

// TestMain runs more scripts at once than there are processors, unless -parallel says how many: they wait more than they work.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // it is a number
	}
	os.Exit(m.Run())
}

// TestScript runs testdata/script against weir, or against the binary that WEIR_BINARY names.
func TestScript(t *testing.T) {
	t.Parallel() // so that scripts over one wire are at work while the last of another wait
	script.Run(t, "testdata/script")
}

// TestScriptH2 runs the same scripts over HTTP/2.
func TestScriptH2(t *testing.T) {
	t.Parallel()
	script.RunH2(t, "testdata/script")
}

// overTLS are scripts that are run over TLS as well: those in which much goes over a connection, in all manners.
var overTLS = []string{
	"static", "range", "http_keepalive", "proxy", "proxy_buffering", "body_chunked", "headers", "limit_rate",
	"lingering", "http_header_buffers", "http_error_page",
}

// TestScriptTLS runs some scripts over TLS.
func TestScriptTLS(t *testing.T) {
	t.Parallel()
	script.RunTLS(t, "testdata/script", overTLS, false)
}

// TestScriptH2TLS runs some scripts over HTTP/2 with TLS.
func TestScriptH2TLS(t *testing.T) {
	t.Parallel()
	script.RunTLS(t, "testdata/script", overTLS, true)
}

// TestManual keeps the scripts' manual true to the commands there are.
func TestManual(t *testing.T) {
	const path = "testdata/script/README.md"
	if *update {
		if err := os.WriteFile(path, []byte(script.Manual()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != script.Manual() {
		t.Errorf("%s is stale: go test . -run TestManual -update", path)
	}
}
