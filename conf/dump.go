package conf

import (
	"bufio"
	"io"
)

// Dump writes all files of the configuration, each once, as nginx -T does.
func (t *Tree) Dump(w io.Writer) error {
	b := bufio.NewWriter(w)
	seen := make(map[string]bool)
	for _, f := range t.Files {
		if f.Name == "" || seen[f.Name] {
			continue
		}
		seen[f.Name] = true
		b.WriteString("# configuration file " + f.Name + ":\n")
		b.WriteString(f.Text)
		b.WriteByte('\n')
	}
	return b.Flush()
}
