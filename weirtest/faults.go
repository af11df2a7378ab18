package weirtest

import "regexp"

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
