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

// faultRE knows what no server may ever say, whatever is done to it: a panic, survived or not, a broken promise of its own code, a data race.
var faultRE = regexp.MustCompile(`\[alert\] \d+#\d+: panic: |\[\w+\] \d+#\d+: (\*\d+ )?bug\b|^panic: |^fatal error: |WARNING: DATA RACE`)

// Faults returns the lines of a log, or of what a server has written to its standard error, that must never be there.
func Faults(lines []string) (bad []string) {
	for _, line := range lines {
		if faultRE.MatchString(line) {
			bad = append(bad, line)
		}
	}
	return bad
}
