package cycle

import (
	"os"
	"os/user"
	"slices"
	"strings"
	"testing"

	"weir/conf"
	"weir/disk"
	"weir/logs"
)

func TestEnvironment(t *testing.T) {
	m := &MainConf{Env: []string{"KEPT", "GIVEN=1", "MISSING", "KEPT=2", "EMPTY="}}
	got := m.Environment([]string{"KEPT=have", "GIVEN=0", "OTHER=x", "TZ=Europe/Prague"})
	want := []string{"KEPT=have", "GIVEN=1", "EMPTY=", "TZ=Europe/Prague"}
	if !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
}

func TestIdentity(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Skip(err)
	}
	tree, _ := conf.Parse("nginx.conf", "")
	here := tree.Outside()
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Skip(err)
	}
	id, err := (&MainConf{User: me.Username, Group: group.Name}).Identity(here)
	if err != nil || id.UID != os.Geteuid() || !slices.Contains(id.Groups, id.GID) {
		t.Errorf("%+v, %v", id, err)
	}
	if _, err := (&MainConf{User: "no such user"}).Identity(here); err == nil || err.Error() != `getpwnam("no such user") failed` {
		t.Error(err)
	}
	if _, err := (&MainConf{User: me.Username, Group: "no such group"}).Identity(here); err == nil || err.Error() != `getgrnam("no such group") failed` {
		t.Error(err)
	}
}

// TestSameProcess: what a process is once and for all is told from what a reload can change.
func TestSameProcess(t *testing.T) {
	outline := func(text string) *Outline {
		dir := t.TempDir()
		writeConf(t, dir, text+"\nerror_log stderr; events {} http { access_log off; }", nil)
		files := logs.NewFiles()
		c, d := Build(Options{Prefix: dir + "/", Conf: dir + "/nginx.conf", ErrorLog: "stderr"}, &Process{Files: files, Temp: disk.NewTempNumbers()})
		if d.Failed() {
			var b strings.Builder
			d.Print(&b, "weir")
			t.Fatal(b.String())
		}
		return c.Outline(files)
	}
	plain := outline("")
	for text, want := range map[string]bool{
		"worker_shutdown_timeout 5s; pid x.pid;": true,
		"worker_rlimit_nofile 2048;":             true,
		"worker_processes 3;":                    false,
		"env A=1;":                               false,
		"worker_priority 5;":                     false,
		"working_directory /;":                   false,
		"worker_cpu_affinity 01;":                false,
	} {
		if got := plain.SameProcess(outline(text)); got != want {
			t.Errorf("%q: %v; want %v", text, got, want)
		}
	}
}
