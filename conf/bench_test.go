package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// manyServers is a configuration as hosting companies have it.
func manyServers(n int) string {
	var b strings.Builder
	b.WriteString("worker_processes 1;\nevents { worker_connections 100000; }\nhttp {\n\tsendfile on;\n\tgzip_types text/css text/plain;\n\tserver_names_hash_max_size 65536;\n")
	for i := range n {
		fmt.Fprintf(&b, `	server {
		listen 127.0.0.1:18080;
		server_name www.example%d.com example%d.com;
		root "/srv/www/%d";
		location / {
			proxy_pass http://127.0.0.1:8080;
			proxy_read_timeout 30s;
			add_header X-Server "%d" always;
		}
		location /static/ {
			root /srv/static; # shared
			client_body_timeout 1h 30m;
		}
	}
`, i, i, i, i)
	}
	b.WriteString("}\n")
	return strings.ReplaceAll(strings.ReplaceAll(b.String(), "1h 30m", "90m"), "\tserver_names_hash_max_size 65536;\n", "")
}

// BenchmarkLoad loads, checks and resolves 10,000 servers. To compare with nginx -t set
// WEIR_BENCH_CONF to a path and read the file that is left there.
func BenchmarkLoad(b *testing.B) {
	text := manyServers(10000)
	path := filepath.Join(b.TempDir(), "nginx.conf")
	if p := os.Getenv("WEIR_BENCH_CONF"); p != "" {
		path = p
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	table := NewTable(testModules()...)
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			Load(path, LoadOptions{})
		}
	})
	b.Run("all", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			tree, diags := Load(path, LoadOptions{})
			table.Check(tree, diags)
			table.Declare(tree, nil, diags)
			settleAll(table, tree, diags)
			if diags.Failed() {
				b.Fatal(diags.List()[0].Text)
			}
		}
	})
}
