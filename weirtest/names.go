package weirtest

import (
	"os"
	"path/filepath"
	"regexp"
)

// A name of the bench is written in capitals, $ADDR or ${API}, so that it never meets one of nginx's variables.
var nameRE = regexp.MustCompile(`\$(?:([A-Z][A-Z0-9_]*)|\{([A-Z][A-Z0-9_]*)\})`)

// Expand replaces the bench's names in a text by their values; a name that has none stays as it is.
func Expand(text string, names map[string]string) string {
	return nameRE.ReplaceAllStringFunc(text, func(s string) string {
		m := nameRE.FindStringSubmatch(s)
		if v, ok := names[m[1]+m[2]]; ok {
			return v
		}
		return s
	})
}

// ExpandFiles does the same, in place, to every file of dir that matches one of the globs.
func ExpandFiles(dir string, names map[string]string, globs ...string) error {
	for _, g := range globs {
		files, err := filepath.Glob(filepath.Join(dir, g))
		if err != nil {
			return err
		}
		for _, f := range files {
			old, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			if text := Expand(string(old), names); text != string(old) {
				if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
