package logs

import "strings"

// A Level is a severity. A smaller one is more severe.
type Level uint8

// The levels of error_log. The zero Level is less than all of them: nothing is logged at it.
const (
	Emerg Level = iota + 1
	Alert
	Crit
	Error
	Warn
	Notice
	Info
	Debug
)

// ParseLevel reads a level as error_log has it. The parts of nginx's debug log ("debug_http") mean
// Debug.
func ParseLevel(s string) (Level, bool) {
	for v := Emerg; v <= Debug; v++ {
		if s == v.String() {
			return v, true
		}
	}
	return Debug, isDebugPart(s)
}

func isDebugPart(s string) bool {
	part, ok := strings.CutPrefix(s, "debug_")
	if !ok {
		return false
	}
	switch part {
	case "core", "alloc", "mutex", "event", "http", "mail", "stream":
		return true
	}
	return false
}

// String is the word that stands in brackets in a line.
func (v Level) String() string {
	switch v {
	case Emerg:
		return "emerg"
	case Alert:
		return "alert"
	case Crit:
		return "crit"
	case Error:
		return "error"
	case Warn:
		return "warn"
	case Notice:
		return "notice"
	case Info:
		return "info"
	case Debug:
		return "debug"
	}
	return "stderr"
}
