package cycle

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/disk"
	"weir/logs"
)

// Damaged configurations: whatever is dropped, doubled, swapped or cut, reading ends with a configuration or with errors.

// configurations are all that the tests have, scripts' and examples, as texts.
func configurations(tb testing.TB) []string {
	tb.Helper()
	var all []string
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := e.Name(); e.IsDir() && len(name) > 2 && name[0] == '.' {
			return fs.SkipDir
		}
		var text []byte
		switch filepath.Ext(path) {
		case ".conf", ".txtar", ".txt":
			text, err = os.ReadFile(path)
		}
		switch filepath.Ext(path) {
		case ".conf":
			all = append(all, string(text))
		case ".txtar":
			all = append(all, archived(string(text))...)
		case ".txt":
			if filepath.Base(filepath.Dir(filepath.Dir(path))) == "conf" {
				all = append(all, cases(string(text))...)
			}
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	for _, m := range Table().Modules() {
		for _, e := range m.Entries {
			if e.Example != "" && e.Support != conf.Missing {
				all = append(all, within(e))
			}
		}
	}
	all = slices.DeleteFunc(all, func(s string) bool { return len(s) > 20000 || strings.TrimSpace(s) == "" })
	if len(all) < 200 {
		tb.Fatalf("only %d configurations were found", len(all))
	}
	return all
}

// archived are the configurations of a script. Its names for addresses become some.
func archived(text string) []string {
	var all []string
	for _, part := range strings.Split(text, "\n-- ")[1:] {
		name, body, _ := strings.Cut(part, " --\n")
		if strings.HasSuffix(name, ".conf") {
			body = strings.ReplaceAll(body, "$WORK", "/w")
			all = append(all, regexp.MustCompile(`\$[A-Z][A-Z0-9_]*`).ReplaceAllString(body, "127.0.0.1:8080"))
		}
	}
	return all
}

// cases are the configurations of a file of conf/testdata.
func cases(text string) []string {
	var all []string
	for _, part := range strings.Split("\n"+text, "\n=== ")[1:] {
		_, part, _ = strings.Cut(part, "\n")
		part, _, _ = strings.Cut(part, "\n----\n")
		all = append(all, part)
	}
	return all
}

// within is the example of a directive in a whole configuration.
func within(e *conf.Entry) string {
	switch s := e.Example; {
	case e.In&conf.Main != 0:
		return s + "\nevents { }\nhttp { }\n"
	case e.In&conf.HTTP != 0:
		return "events { }\nhttp { " + s + "\n server { listen 127.0.0.1:8080; } }\n"
	case e.In&conf.Server != 0:
		return "events { }\nhttp { server { " + s + "\n } }\n"
	case e.In&conf.Location != 0:
		return "events { }\nhttp { server { listen 127.0.0.1:8080; location / { " + s + "\n } } }\n"
	case e.In&conf.Upstream != 0:
		return "events { }\nhttp { upstream u { server 127.0.0.1:8081; " + s + "\n } }\n"
	}
	return "events { " + e.Example + "\n }\nhttp { }\n"
}

// tokens cuts a text into words, marks and what is between them. Together they are the text.
func tokens(text string) []string {
	return regexp.MustCompile(`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[;{}]|\s+|[^\s;{}]+`).FindAllString(text, -1)
}

// damages are the ways in which token i of a text is damaged; pick chooses a number below n.
var damages = [...]func(all []string, i int, pick func(n int) int) []string{
	func(all []string, i int, _ func(int) int) []string { return slices.Delete(all, i, i+1) },
	func(all []string, i int, _ func(int) int) []string { return slices.Insert(all, i, all[i], " ") },
	func(all []string, i int, pick func(int) int) []string {
		k := pick(len(all))
		all[i], all[k] = all[k], all[i]
		return all
	},
	func(all []string, i int, pick func(int) int) []string {
		all[i] = all[i][:pick(len(all[i])+1)]
		return all
	},
	func(all []string, i int, pick func(int) int) []string {
		return slices.Insert(all, i, all[pick(len(all))])
	},
	func(all []string, i int, pick func(int) int) []string {
		if pick(20) > 0 { // the rest of the text is cut off rarely
			return all
		}
		return all[:i]
	},
}

// damage changes a text in one to three places.
func damage(text string, r *rand.Rand) string {
	all := tokens(text)
	for range 1 + r.IntN(3) {
		if len(all) == 0 {
			break
		}
		all = damages[r.IntN(len(damages))](all, r.IntN(len(all)), r.IntN)
	}
	return strings.Join(all, "")
}

// imagined is a world without files and names, but those of the tests.
func imagined(text string) conf.Outside {
	return conf.Outside{
		Read: func(path string) ([]byte, error) {
			switch {
			case path == "/w/nginx.conf":
				return []byte(text), nil
			case strings.HasSuffix(path, ".types"):
				return []byte("types { text/html html; }"), nil
			}
			return nil, unix.ENOENT
		},
		Glob: func(string) ([]string, error) { return nil, nil },
		Lookup: func(host string) ([]netip.Addr, error) {
			if host == "localhost" {
				return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
			}
			return nil, fmt.Errorf("no such host")
		},
		User:  func(string) (conf.User, error) { return conf.User{UID: 1, GID: 1}, nil },
		Group: func(string) (int, error) { return 1, nil },
		Facts: func() conf.Facts { return conf.Facts{Processors: 2, Hostname: "here"} },
	}
}

// read builds a cycle of a text that nothing outside is touched for, and returns all that is said of it.
func read(text string) (said string, failed bool) {
	files := logs.NewFiles()
	files.OpenFD = func(path string) (int, error) {
		if !strings.HasPrefix(path, "/w/") {
			return -1, unix.EACCES
		}
		return unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	}
	hung := time.AfterFunc(time.Minute, func() { panic("reading does not end:\n" + text) })
	defer hung.Stop()
	c, d := Build(Options{
		Prefix: "/w/", Conf: "/w/nginx.conf", ErrorLog: "/w/error.log", AccessLog: "/w/access.log",
		PidPath: "/w/weir.pid", TempPrefix: "/w/", Version: "0",
	}, &Process{Files: files, Temp: disk.NewTempNumbers(), Outside: imagined(text)})
	defer c.Release()
	var b bytes.Buffer
	d.Print(&b, "weir")
	Sentences(d, func(logs.Level, string) {})
	return b.String(), d.Failed()
}

// mustRead reads a text; a panic names it.
func mustRead(tb testing.TB, text string) {
	defer func() {
		if v := recover(); v != nil {
			tb.Logf("the configuration:\n%s", text)
			panic(v)
		}
	}()
	said, failed := read(text)
	if failed != strings.Contains(said, "weir: [emerg]") && !strings.Contains(said, "weir: [crit]") {
		tb.Fatalf("failed: %t, said: %s\nof the configuration:\n%s", failed, said, text)
	}
}

// TestDamaged damages every configuration in every way, as often as the time of a test allows.
func TestDamaged(t *testing.T) {
	all := configurations(t)
	end := time.Now().Add(4 * time.Second)
	n := 0
	for seed := uint64(0); seed < 20 && time.Now().Before(end); seed++ {
		for i, text := range all {
			mustRead(t, damage(text, rand.New(rand.NewPCG(seed, uint64(i)))))
			n++
		}
	}
	t.Logf("%d damaged versions of %d configurations", n, len(all))
}

// FuzzDamaged is TestDamaged without an end: seed damages text.
func FuzzDamaged(f *testing.F) {
	for i, text := range configurations(f) {
		f.Add(text, uint64(i))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 20000 {
			return
		}
		mustRead(t, text)
		mustRead(t, damage(text, rand.New(rand.NewPCG(seed, 1))))
	})
}
