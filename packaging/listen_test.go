package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestDefaultPort starts weir as root with the default user and without a listen directive, in a network of its own: the master
// binds port 80, and its worker, who may not, knows that.
func TestDefaultPort(t *testing.T) {
	need(t, "unshare", "ip", "curl")
	if os.Geteuid() != 0 {
		t.Skip("only root has port 80")
	}
	if out, err := exec.Command("unshare", "--net", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Skipf("no networks here: %v: %s", err, out)
	}
	dir := t.TempDir()
	text := `daemon off; pid pid; error_log stderr; events {} http { access_log off; server { return 200 "port $server_port"; } }`
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	const script = `
		ip link set lo up
		"$1" -p "$2" -c nginx.conf -e stderr & server=$!
		answer=$(curl -s --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1/)
		kill -HUP $server
		again=$(curl -s http://127.0.0.1/)
		kill -TERM $server
		wait $server && test "$answer/$again" = "port 80/port 80"`
	if out, err := exec.Command("unshare", "--net", "sh", "-c", script, "sh", staticBinary(t), dir).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
