package conf

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

var update = flag.Bool("update", false, "write the answers into testdata")

// A dataCase is a configuration and what weir makes of it. In the files:
//
//	=== name
//	configuration
//	----
//	answer
type dataCase struct {
	name, config, answer string
}

func readCases(t testing.TB, path string) []dataCase {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []dataCase
	for part := range strings.SplitSeq("\n"+string(b), "\n=== ") {
		name, rest, ok := strings.Cut(part, "\n")
		if name == "" && !ok || strings.TrimSpace(name) == "" {
			continue
		}
		config, answer, _ := strings.Cut(rest, "\n----\n")
		cases = append(cases, dataCase{name, unquote(config), answer})
	}
	return cases
}

// unquote repeats text that is written as ‹text*n›; ‹BOM*1› is a byte order mark.
func unquote(s string) string {
	for {
		i, j := strings.Index(s, "‹"), strings.Index(s, "›")
		if i < 0 || j < i {
			return s
		}
		var n int
		text, count, _ := strings.Cut(s[i+len("‹"):j], "*")
		fmt.Sscan(count, &n)
		if text == "BOM" {
			text = "\ufeff"
		}
		s = s[:i] + strings.Repeat(text, n) + s[j+len("›"):]
	}
}

type namedText struct{ name, text string }

func splitFiles(config string) []namedText {
	files := []namedText{{name: "nginx.conf"}}
	for line := range strings.Lines(config) {
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			files = append(files, namedText{name: strings.TrimSuffix(strings.TrimSpace(name), " --")})
			continue
		}
		files[len(files)-1].text += line
	}
	return files
}

// loadFiles loads a configuration from memory, as /etc/nginx/nginx.conf.
func loadFiles(files []namedText) (*Tree, *Diagnostics) { return loadData(files, nil) }

// loadData is loadFiles with lines of blocks that are no nodes.
func loadData(files []namedText, data func(string) bool) (*Tree, *Diagnostics) {
	text := make(map[string]string)
	for _, f := range files {
		text["/etc/nginx/"+f.name] = f.text
	}
	return Load("nginx.conf", LoadOptions{
		Prefix: "/etc/nginx",
		Data:   data,
		Outside: Outside{
			Read: func(path string) ([]byte, error) {
				if s, ok := text[path]; ok {
					return []byte(s), nil
				}
				return nil, syscall.ENOENT
			},
			Glob: func(pattern string) ([]string, error) {
				var names []string
				for name := range text {
					if ok, _ := filepath.Match(pattern, name); ok {
						names = append(names, name)
					}
				}
				slices.Sort(names)
				return names, nil
			},
		},
	})
}

func TestData(t *testing.T) {
	paths, _ := filepath.Glob("testdata/*.txt")
	for _, path := range paths {
		if filepath.Base(path) == "oracle.txt" {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) { testFile(t, path) })
	}
}

func testFile(t *testing.T, path string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := string(raw)
	for _, c := range readCases(t, path) {
		got := answer(path, c.config)
		if strings.TrimRight(got, "\n") == strings.TrimRight(c.answer, "\n") {
			continue
		}
		if !*update {
			t.Errorf("%s:\n%s\ngot:\n%s\nwant:\n%s", c.name, c.config, got, c.answer)
			continue
		}
		out = replaceAnswer(out, c.name, got)
	}
	if *update {
		if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func replaceAnswer(file, name, got string) string {
	i := strings.Index("\n"+file, "\n=== "+name+"\n")
	j := len(file)
	if k := strings.Index(file[i+1:], "\n=== "); k >= 0 {
		j = i + 1 + k
	}
	head, _, _ := strings.Cut(file[i:j], "\n----\n")
	return file[:i] + strings.TrimRight(head, "\n") + "\n----\n" + strings.TrimRight(got, "\n") + "\n" + file[j:]
}

// answer is what the file's subject asks for: the tree, or the errors, or the settings.
func answer(path, config string) string {
	tree, diags := loadFiles(splitFiles(config))
	var b bytes.Buffer
	switch filepath.Base(path) {
	case "tree.txt":
		printBlock(&b, tree.Main, "")
	case "scopes.txt":
		table := NewTable(testModules()...)
		table.Check(tree, diags)
		printScopes(&b, table, tree, diags)
	case "dump.txt":
		tree.Dump(&b)
	default:
		NewTable(testModules()...).Check(tree, diags)
	}
	diags.Print(&b, "weir")
	return b.String()
}

// printBlock prints a tree so that every word and its end is seen.
func printBlock(b *bytes.Buffer, bl *Block, indent string) {
	for _, n := range bl.Nodes {
		b.WriteString(indent)
		for _, w := range n.Words {
			q := ""
			if w.Quoted {
				q = "q"
			}
			fmt.Fprintf(b, "%s%q@%d.%d+%d ", q, w.Text, w.Pos.File, w.Pos.Off, w.Len)
		}
		if n.Block == nil {
			fmt.Fprintf(b, ";%d\n", n.End.Off)
			continue
		}
		fmt.Fprintf(b, "{%d\n", n.End.Off)
		printBlock(b, n.Block, indent+"  ")
	}
}
