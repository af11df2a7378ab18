package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/weirtest"
)

// TestTortureSignalsAtStart sends signals to a server that is only just coming up: it ends when it was told
// to end, and never stays behind half alive.
func TestTortureSignalsAtStart(t *testing.T) {
	binary := tortureBinary(t)
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	addr := mustTake(t, ports)
	dir := t.TempDir()
	conf := fmt.Sprintf("error_log error.log notice; events {} http { access_log off; client_body_temp_path tmp; proxy_temp_path tmp; server { listen %s; location / { return 200; } } }", addr)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		sig := []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1}[i%4]
		cmd := exec.Command(binary, append(weirtest.Flags(dir, ""), "-g", weirtest.Globals())...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		time.Sleep(time.Duration(i) * time.Millisecond) // some before, some after it listens
		_ = cmd.Process.Signal(sig)
		if sig == syscall.SIGHUP || sig == syscall.SIGUSR1 {
			// Whether it came too early is for the kernel to say; if not, it serves.
			serves := weirtest.Eventually(func() bool {
				answers, err := weirtest.Ask(addr, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
				return err == nil && len(answers) == 1 || len(weirtest.Processes(cmd.Process.Pid)) == 0
			})
			if !serves {
				t.Errorf("%v after %d ms: the server neither serves nor has ended", sig, i)
			}
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
		select {
		case <-ended:
		case <-time.After(weirtest.Patience()):
			t.Errorf("%v after %d ms: the server does not end", sig, i)
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if left := weirtest.Processes(cmd.Process.Pid); len(left) != 0 {
			t.Errorf("%v after %d ms: left behind: %+v", sig, i, left)
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	}
}

// TestTortureManyServers loads a configuration with two thousand servers, each with names, locations and a
// log: it takes no time worth speaking of, by -t and by a reload under load.
func TestTortureManyServers(t *testing.T) {
	const many = 2000
	ports := weirtest.NewPorts()
	t.Cleanup(ports.Close)
	addr := mustTake(t, ports)
	var b strings.Builder
	fmt.Fprintf(&b, "error_log error.log notice; worker_processes 2; events {} http { access_log off; client_body_temp_path tmp; proxy_temp_path tmp; "+
		"upstream app { server 127.0.0.1:1; }\nserver { listen %s default_server; return 404; }\n", addr)
	for i := range many {
		fmt.Fprintf(&b, `server { listen %s; server_name s%d.example.com *.s%d.example.net ~^r%d-\d+\.example\.org$;
	location / { return 200 "%d"; } location /a/ { proxy_pass http://app; } location ~ \.php$ { return 403; } location = /x { return 204; } }
`, addr, i, i, i, i)
	}
	b.WriteString("}\n")
	s := startTorture(t, weirtest.Options{Binary: tortureBinary(t), Dir: t.TempDir(), Ready: []string{addr}}, b.String())
	ask := func(host string) string {
		answers, err := weirtest.Ask(addr, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		if err != nil || len(answers) != 1 {
			return fmt.Sprint(err)
		}
		return string(answers[0].Body)
	}
	for _, i := range []int{0, 1, 777, many - 1} {
		for _, host := range []string{fmt.Sprintf("s%d.example.com", i), fmt.Sprintf("x.s%d.example.net", i), fmt.Sprintf("r%d-5.example.org", i)} {
			if got := ask(host); got != fmt.Sprint(i) {
				t.Errorf("%s: %q; want %d", host, got, i)
			}
		}
	}
	start := time.Now()
	text := strings.ReplaceAll(b.String(), `return 200 "`, `return 200 "new `)
	if err := os.WriteFile(filepath.Join(s.Dir, "nginx.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if !weirtest.Eventually(func() bool { return ask("s5.example.com") == "new 5" }) {
		t.Error("the reload took no effect")
	}
	t.Logf("reload of %d servers: %v", many, time.Since(start))
	if d := time.Since(start); d > weirtest.Patience() {
		t.Errorf("a reload of %d servers took %v", many, d)
	}
}
