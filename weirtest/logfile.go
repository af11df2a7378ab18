package weirtest

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Lines returns the whole lines of a log; a file that does not exist has none.
func Lines(path string) []string {
	b, _ := os.ReadFile(path)
	end := bytes.LastIndexByte(b, '\n')
	if end < 0 {
		return nil
	}
	return strings.Split(string(b[:end]), "\n")
}

// WaitLine waits until a line of the log matches re and returns the first such line.
func WaitLine(path string, re *regexp.Regexp) (string, error) {
	var found string
	ok := Eventually(func() bool {
		for _, l := range Lines(path) {
			if re.MatchString(l) {
				found = l
				return true
			}
		}
		return false
	})
	if !ok {
		return "", fmt.Errorf("no line of %s matches %q; it has:\n%s", path, re, strings.Join(Lines(path), "\n"))
	}
	return found, nil
}
