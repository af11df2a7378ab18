package packaging_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// step is one instruction of a Dockerfile.
type step struct {
	word  string            // RUN, COPY …
	flags map[string]string // --from=build
	text  string            // what comes after the flags
}

// stage is what follows a FROM.
type stage struct {
	from, name string
	steps      []step
}

var flagRE = regexp.MustCompile(`^--([a-z]+)=(\S+)\s+`)

// dockerfile reads as much of the language as ours uses: comments, continued lines, flags.
func dockerfile(t *testing.T) []stage {
	t.Helper()
	text := regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(read(t, "Dockerfile"), "")
	text = strings.ReplaceAll(text, "\\\n", " ")
	var stages []stage
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "" {
			continue
		}
		s := step{word: word, flags: map[string]string{}, text: strings.TrimSpace(rest)}
		for m := flagRE.FindStringSubmatch(s.text); m != nil; m = flagRE.FindStringSubmatch(s.text) {
			s.flags[m[1]] = m[2]
			s.text = s.text[len(m[0]):]
		}
		if word == "FROM" {
			from, name, _ := strings.Cut(s.text, " AS ")
			stages = append(stages, stage{from: from, name: name})
			continue
		}
		if len(stages) == 0 {
			t.Fatalf("%s before the first FROM", word)
		}
		last := &stages[len(stages)-1]
		last.steps = append(last.steps, s)
	}
	return stages
}

// value is the text of the last instruction of a kind.
func (s stage) value(word string) string {
	text := ""
	for _, st := range s.steps {
		if st.word == word {
			text = st.text
		}
	}
	return text
}

// words is the JSON list of an ENTRYPOINT or CMD.
func (s stage) words(t *testing.T, word string) []string {
	t.Helper()
	var list []string
	if err := json.Unmarshal([]byte(s.value(word)), &list); err != nil {
		t.Fatalf("%s %s: %v; without a shell only the list form works", word, s.value(word), err)
	}
	return list
}

// TestDockerfile checks what can be seen without an engine.
func TestDockerfile(t *testing.T) {
	stages := dockerfile(t)
	if len(stages) != 2 || stages[0].name != "build" || !strings.HasPrefix(stages[0].from, "golang:") {
		t.Fatalf("want a build stage and the image: %+v", stages)
	}
	image := stages[1]
	if image.from != "scratch" {
		t.Errorf("the image is made from %s", image.from)
	}
	if m := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, repository+"/go.mod")); stages[0].from != "golang:"+m[1] {
		t.Errorf("%s, and go.mod wants %s", stages[0].from, m[1])
	}
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(image.value("USER")) {
		t.Errorf("USER %s is not two numbers other than root's", image.value("USER"))
	}
	if image.value("STOPSIGNAL") != "SIGQUIT" {
		t.Errorf("STOPSIGNAL %s does not finish requests", image.value("STOPSIGNAL"))
	}
	if p, err := strconv.Atoi(image.value("EXPOSE")); err != nil || p < 1024 {
		t.Errorf("EXPOSE %s, which an ordinary user may not be allowed", image.value("EXPOSE"))
	} else if !strings.Contains(read(t, "container/default.conf"), "listen "+image.value("EXPOSE")+";") {
		t.Errorf("nothing listens on port %d", p)
	}
	if e := image.words(t, "ENTRYPOINT"); e[0] != "/usr/sbin/weir" {
		t.Errorf("ENTRYPOINT %q", e)
	}
	if !slices.Contains(image.words(t, "CMD"), "daemon off;") {
		t.Error("weir would go to the background, and the container would end")
	}
	for _, s := range image.steps {
		if s.word == "RUN" {
			t.Errorf("RUN %s: there is no shell to run it", s.text)
		}
		if own := s.flags["chown"]; own != "" && own != image.value("USER") {
			t.Errorf("COPY --chown=%s, and USER is %s", own, image.value("USER"))
		}
	}
}

// TestDockerignore finds what the build needs among what it is not given.
func TestDockerignore(t *testing.T) {
	var needed []string
	for _, s := range dockerfile(t) {
		for _, c := range s.steps {
			if c.word == "COPY" && c.flags["from"] == "" {
				needed = append(needed, strings.Fields(c.text)...)
			}
		}
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}", "./cmd/weir")
	list.Dir = repository
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range strings.Fields(string(out)) {
		needed = append(needed, strings.TrimPrefix(pkg, "weir/"))
	}
	for line := range strings.Lines(read(t, "Dockerfile.dockerignore")) {
		pattern := strings.TrimSpace(line)
		for _, n := range needed {
			if first, _, _ := strings.Cut(n, "/"); pattern != "" && pattern[0] != '#' && (n == pattern || first == pattern) {
				t.Errorf("%s is ignored by %q", n, pattern)
			}
		}
	}
}

// image puts the image's file system together: the build stage's commands are run with another folder in place of /image, then the COPY
// steps of the last stage, with their owners.
func image(t *testing.T) (dir string, last stage) {
	t.Helper()
	stages := dockerfile(t)
	built, dir := t.TempDir(), t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, s := range stages[0].steps {
		if s.word != "RUN" || s.text == "go mod download" {
			continue
		}
		cmd := exec.Command("sh", "-ec", strings.ReplaceAll(s.text, "/image/", built+"/"))
		cmd.Dir = repository
		run(t, cmd)
	}
	last = stages[1]
	for _, s := range last.steps {
		if s.word != "COPY" {
			continue
		}
		owner := s.flags["chown"]
		if owner == "" {
			owner = "0:0"
		}
		words := strings.Fields(s.text)
		to := filepath.Join(dir, words[len(words)-1])
		for _, from := range words[:len(words)-1] {
			switch s.flags["from"] {
			case "":
				from = filepath.Join(repository, from)
			case "build":
				rest, ok := strings.CutPrefix(from, "/image/")
				if !ok {
					t.Fatalf("COPY --from=build %s", from)
				}
				from = filepath.Join(built, rest)
			default:
				t.Fatalf("COPY --from=%s: no such stage", s.flags["from"])
			}
			place(t, from, to, owner)
		}
	}
	return dir, last
}

// place does what COPY does: a folder's contents, or a file, into a folder.
func place(t *testing.T, from, to, owner string) {
	t.Helper()
	u, g, _ := strings.Cut(owner, ":")
	uid, err := strconv.Atoi(u)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		target := filepath.Join(to, rel)
		switch {
		case path == from && d.IsDir():
			return nil
		case path == from:
			target = filepath.Join(to, d.Name())
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if err := placeOne(path, target, info); err != nil {
			return err
		}
		return os.Lchown(target, uid, gid)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func placeOne(path, target string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		return os.Chmod(target, info.Mode())
	case info.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(target, b, info.Mode().Perm())
}

// TestImage runs the image's file system: as its user, with its command, read-only, and with a configuration from a Debian machine.
func TestImage(t *testing.T) {
	need(t, "curl")
	needRoot(t)
	dir, last := image(t)
	user, entry, cmd := last.value("USER"), last.words(t, "ENTRYPOINT"), last.words(t, "CMD")
	in := inside{dir: dir, user: user}

	t.Run("it has what it needs and no more", func(t *testing.T) {
		want := []string{"dev", "etc", "proc", "run", "tmp", "usr", "var"}
		in.command(t) // makes what an engine makes
		if have := entries(t, dir); !slices.Equal(have, want) {
			t.Errorf("the root folder has %v", have)
		}
		if have := entries(t, dir+"/etc/nginx"); !slices.Equal(have, []string{"conf.d", "fastcgi.conf", "fastcgi_params", "mime.types", "nginx.conf", "scgi_params", "uwsgi_params"}) {
			t.Errorf("/etc/nginx has %v", have)
		}
		if info, err := os.Stat(dir + "/tmp"); err != nil || info.Mode() != fs.ModeDir|fs.ModeSticky|0o777 {
			t.Errorf("/tmp: %v, %v", info.Mode(), err)
		}
		if text := read(t, dir+"/usr/share/doc/weir/copyright"); strings.Count(text, "\n====") < 4 {
			t.Errorf("licences are missing:\n%.2000s", text)
		}
	})
	t.Run("-t", func(t *testing.T) {
		out := in.run(t, append(slices.Clone(entry), "-t")...)
		if !strings.Contains(out, "/etc/nginx/nginx.conf test is successful") {
			t.Error(out)
		}
	})

	addr := port(t)
	change(t, dir+"/etc/nginx/conf.d/default.conf", "listen 8080;", "listen "+addr+";")
	size := big(t, dir+"/usr/share/nginx/html/big")
	command := append(slices.Clone(entry), cmd...)

	for name, in := range map[string]inside{"it serves and drains": in, "read-only": {dir: dir, user: user, readOnly: true}} {
		t.Run(name, func(t *testing.T) {
			s := in.start(t, addr, command...)
			if page := fetch(t, "http://"+addr+"/"); !strings.Contains(page, "weir is running") || !strings.HasSuffix(page, "\n200") {
				t.Error(page)
			}
			if page := fetch(t, "http://"+addr+"/missing"); !strings.HasSuffix(page, "\n404") {
				t.Error(page)
			}
			s.drains(addr, "/big", size, syscall.SIGQUIT)
			if out := s.printed(); !strings.Contains(out, `"GET / HTTP/1.1" 200`) {
				t.Errorf("standard output has no access log: %s", out)
			}
			if out := s.complained(); !strings.Contains(out, "/missing\" failed (2: No such file or directory)") || strings.Contains(out, "alert") {
				t.Errorf("standard error is not the error log: %s", out)
			}
		})
	}

	t.Run("a time zone", func(t *testing.T) {
		in := inside{dir: dir, user: user, env: []string{"TZ=Asia/Kathmandu"}}
		s := in.start(t, addr, command...)
		fetch(t, "http://"+addr+"/")
		s.signal(syscall.SIGQUIT)
		s.end()
		if out := s.printed(); !strings.Contains(out, " +0545]") {
			t.Errorf("the access log does not keep to TZ: %s", out)
		}
	})

	t.Run("a configuration from a Debian machine", func(t *testing.T) {
		write(t, dir+"/etc/nginx/nginx.conf", `
			user www-data;
			worker_processes auto;
			pid /run/nginx.pid;
			error_log /var/log/nginx/error.log;
			events { worker_connections 768; }
			http {
				include /etc/nginx/mime.types;
				access_log /var/log/nginx/access.log;
				server { listen `+addr+`; root /usr/share/nginx/html; }
			}`)
		s := in.start(t, addr, command...)
		if page := fetch(t, "http://"+addr+"/"); !strings.HasSuffix(page, "\n200") {
			t.Error(page)
		}
		s.signal(syscall.SIGQUIT)
		s.end()
		if out := s.printed(); !strings.Contains(out, `"GET / HTTP/1.1" 200`) {
			t.Errorf("standard output has no access log: %s", out)
		}
	})
}
