package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"weir/conf"
	"weir/cycle"
	"weir/disk"
	"weir/logs"
	"weir/weirtest"
)

// load builds a cycle of a configuration in a folder of its own, and returns what was wrong.
func load(t *testing.T, text string) []string {
	t.Helper()
	if said, failed := build(t, text); failed {
		return said
	}
	return nil
}

// build is load that returns warnings as well.
func build(t *testing.T, text string) (said []string, failed bool) {
	t.Helper()
	dir := t.TempDir() + "/"
	if err := os.Mkdir(dir+"logs", 0o755); err != nil {
		t.Fatal(err)
	}
	// a configuration that is right may name places that a test must not touch
	text = strings.ReplaceAll(text, "/var/log/weir/", dir+"logs/")
	text = certificates(t, dir, text)
	text = databases(t, dir, text)
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := &cycle.Process{Files: logs.NewFiles(), Temp: disk.NewTempNumbers()}
	_, d := cycle.Build(cycle.Options{
		Prefix: dir, Conf: path, ErrorLog: dir + "logs/error.log", AccessLog: dir + "logs/access.log",
		PidPath: dir + "weir.pid", TempPrefix: dir, Version: "0",
	}, p)
	for _, g := range d.List() {
		said = append(said, d.Sentence(g))
	}
	return said, d.Failed()
}

var databaseRE = regexp.MustCompile(`/usr/share/GeoIP/\S*`)

// databases puts a database that is there in the place of those that a configuration names.
func databases(t *testing.T, dir, text string) string {
	t.Helper()
	return databaseRE.ReplaceAllStringFunc(text, func(string) string {
		b, err := weirtest.MMDB([]byte(`{"192.0.2.0/24": {"country": {"iso_code": "CH"}}}`), 0)
		if err == nil {
			err = os.WriteFile(dir+"example.mmdb", b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return dir + "example.mmdb"
	})
}

var certificateRE = regexp.MustCompile(`(ssl_(?:client_|trusted_)?certificate(?:_key)?)\s+/[^;$]*;`)

// certificates puts certificates that are there in the place of those that a configuration names.
func certificates(t *testing.T, dir, text string) string {
	t.Helper()
	if !certificateRE.MatchString(text) {
		return text
	}
	if err := weirtest.WriteCertificate(dir, "example", weirtest.CertificateOptions{CA: true}); err != nil {
		t.Fatal(err)
	}
	return certificateRE.ReplaceAllStringFunc(text, func(s string) string {
		name := certificateRE.FindStringSubmatch(s)[1]
		if strings.HasSuffix(name, "_key") {
			return name + " " + dir + "example.key;"
		}
		return name + " " + dir + "example.crt;"
	})
}

// before is what an example needs to stand on, in the http block.
func before() map[string]string {
	all := map[string]string{
		"index":      "map $uri $geo { default de; }",
		"limit_conn": "limit_conn_zone $binary_remote_addr zone=addr:1m;",
		"limit_req":  "limit_req_zone $binary_remote_addr zone=one:1m rate=1r/s;",
	}
	for _, prefix := range []string{"proxy", "fastcgi", "uwsgi", "scgi"} {
		all[prefix+"_cache"] = prefix + "_cache_path cache keys_zone=one:1m;"
		all[prefix+"_cache_purge"] = "map $request_method $purge_method { PURGE 1; default 0; }"
	}
	return all
}

// TestExamples loads the example of every directive, in the outermost place where it may stand.
func TestExamples(t *testing.T) {
	table := cycle.Table()
	for _, m := range table.Modules() {
		for _, e := range m.Entries {
			if e.Example == "" || e.Support == conf.Missing {
				continue
			}
			t.Run(m.Name+"/"+e.Name, func(t *testing.T) {
				in := e.In
				if first := strings.Fields(e.Example)[0]; first != e.Name {
					in = 0
					for _, other := range table.Entry(first) {
						in |= other.In
					}
				}
				text := around(in, before()[e.Name], e.Example)
				if text == "" {
					t.Skipf("no place for it: %s", in)
				}
				for _, bad := range load(t, text) {
					t.Errorf("%s\n%s", bad, text)
				}
			})
		}
	}
}

// around puts an example into the blocks that it has to stand in.
func around(in conf.Context, before, example string) string {
	http := func(inner string) string { return "events {}\nhttp {\n" + before + "\n" + inner + "\n}\n" }
	switch {
	case in&conf.Main != 0:
		return example + "\nevents {}\n"
	case in&conf.Events != 0:
		return "events {\n" + example + "\n}\n"
	case in&conf.HTTP != 0:
		return http(example)
	case in&conf.Server != 0:
		return http("server {\n" + example + "\n}")
	case in&conf.Location != 0:
		return http("server { location / {\n" + example + "\n} }")
	case in&conf.Upstream != 0:
		return http("upstream u {\nserver 127.0.0.1:8081;\n" + example + "\n}")
	}
	return ""
}

// written are the pages that people have written.
func written(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, glob := range []string{"*.md", "docs/*.md", "docs/guide/*.md", "docs/decisions/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, glob))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, files...)
	}
	return all
}

// TestConfigurations loads every whole nginx.conf in the pages: each nginx block that has an http block.
// Blocks without one are put where their first directive may stand.
func TestConfigurations(t *testing.T) {
	block := regexp.MustCompile("(?s)```nginx\n(.*?)```")
	table := cycle.Table()
	for _, file := range written(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range block.FindAllStringSubmatch(string(text), -1) {
			config := found[1]
			if !strings.Contains(config, "http {") {
				config = around(firstContext(table, config), "", config)
			}
			for _, bad := range load(t, config) {
				t.Errorf("%s: %s\n%s", file, bad, found[1])
			}
		}
	}
}

// firstContext is where the first directive of a fragment may stand.
func firstContext(table *conf.Table, text string) (in conf.Context) {
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 && words[0][0] != '#' {
			for _, e := range table.Entry(words[0]) {
				in |= e.In
			}
			return in
		}
	}
	return in
}

// TestReadme: the first commands of the README are the two that need nothing before them.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```")
	if first, _, _ := strings.Cut(rest, "```"); first != "sh\ngo run ./cmd/weir demo\ngo test ./...\n" {
		t.Errorf("the README begins with %q", first)
	}
}

// TestBuilds: weir is built alike on all pages, so that what was compiled for one is there for the other: -trimpath, for one, has
// everything compiled anew.
func TestBuilds(t *testing.T) {
	build := regexp.MustCompile(`(?m)^.*go build .*$`)
	for _, file := range append(written(t), filepath.Join(root, "Makefile")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range build.FindAllString(strings.ReplaceAll(string(text), "$(GO)", "go"), -1) {
			if strings.TrimSpace(line) != "CGO_ENABLED=0 go build -o weir ./cmd/weir" {
				t.Errorf("%s: %s", file, line)
			}
		}
	}
}

// TestLinks follows every link in the pages, generated ones too, to a file of this tree.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	generated, err := filepath.Glob("directives/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(written(t), generated...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			to, heading, _ := strings.Cut(found[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			page := file
			if to != "" {
				page = filepath.Join(filepath.Dir(file), to)
			}
			if _, err := os.Stat(page); err != nil {
				t.Errorf("%s: a link to %s, which is not there", file, to)
			} else if heading != "" && !headings(t, page)[heading] {
				t.Errorf("%s: a link to the part %s of %s, which is not there", file, heading, page)
			}
		}
	}
}

// headings are the parts of a page, as links name them.
func headings(t *testing.T, page string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, found := range regexp.MustCompile("(?m)^#+ (.*)$").FindAllStringSubmatch(string(text), -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(found[1]), "")
		all[strings.ReplaceAll(name, " ", "-")] = true
	}
	return all
}

// TestPaths finds every file and folder of this tree that a page names with the folder it is in.
func TestPaths(t *testing.T) {
	path := regexp.MustCompile("`([a-z0-9_]+)((?:/[\\w.-]+)+)/?`")
	for _, file := range written(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range path.FindAllStringSubmatch(string(text), -1) {
			if info, err := os.Stat(filepath.Join(root, found[1])); err != nil || !info.IsDir() {
				continue // no path of this tree
			}
			if (found[1] == "logs" || found[1] == "conf") && filepath.Ext(found[2]) != ".go" {
				continue // of nginx's folder, which has these names, too
			}
			if _, err := os.Stat(filepath.Join(root, found[1]+found[2])); err != nil {
				t.Errorf("%s names %s, which is not there", file, found[1]+found[2])
			}
		}
	}
}
