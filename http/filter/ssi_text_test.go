package filter

import (
	"testing"
	"time"
)

func TestSplitExpr(t *testing.T) {
	for _, c := range []struct {
		expr, left, right string
		op                ssiOp
	}{
		{"", "", "", opNone},
		{"a", "a", "", opNone},
		{"$a", "$a", "", opNone},
		{"a ", "a", "", opNone},
		{"a = b", "a", "b", opEqual},
		{"a=b", "a", "b", opEqual},
		{"a!=b", "a", "b", opNotEqual},
		{"${a}b  !=  c d ", "${a}b", "c d ", opNotEqual},
		{"a == b", "a", "= b", opEqual},
		{"a = b = c", "a", "b = c", opEqual},
		{"= a", "", "a", opEqual},
		{"a =", "a", "", opEqual},
		{"$a = /b c/", "$a", "/b c/", opEqual},
		{" a", "", "", opBad},
		{"a b", "", "", opBad},
		{"a !b", "", "", opBad},
		{"a! = b", "", "", opBad},
		{"!a", "", "", opBad},
		{"$a && $b", "", "", opBad},
		{"/a = b", "", "", opBad},
		{`\a = b`, "", "", opBad},
		{"a\t= b", "", "", opBad},
	} {
		left, right, op := splitExpr([]byte(c.expr))
		if string(left) != c.left || string(right) != c.right || op != c.op {
			t.Errorf("%q: %q %d %q, want %q %d %q", c.expr, left, op, right, c.left, c.op, c.right)
		}
	}
}

func TestSSIVarName(t *testing.T) {
	for _, c := range []struct{ text, name, rest, fault string }{
		{"$a", "a", "", ""},
		{"$a_1-b", "a_1", "-b", ""},
		{"${a}b", "a", "b", ""},
		{"$1", "1", "", ""},
		{"$", "", "", `invalid variable name in "$"`},
		{"$ a", "", "", `invalid variable name in "$ a"`},
		{"${}", "", "", `invalid variable name in "${}"`},
		{"${a", "", "", `the closing bracket in "a" variable is missing`},
		{"${a b}", "", "", `the closing bracket in "a" variable is missing`},
	} {
		name, end, err := ssiVarName([]byte(c.text), 1)
		if err != nil {
			if err.Error() != c.fault {
				t.Errorf("%q: %v, want %q", c.text, err, c.fault)
			}
			continue
		}
		if string(name) != c.name || c.text[end:] != c.rest || c.fault != "" {
			t.Errorf("%q: %q and %q, want %q and %q %s", c.text, name, c.text[end:], c.name, c.rest, c.fault)
		}
	}
}

func TestEntities(t *testing.T) {
	in := []byte(`a<b>&"'`)
	got := string(appendEntities(nil, in))
	if want := `a&lt;b&gt;&amp;&quot;'`; got != want || entitiesLen(in) != len(want) {
		t.Errorf("%s, %d", got, entitiesLen(in))
	}
}

func TestAppendTime(t *testing.T) {
	at := time.Date(2021, 1, 3, 4, 5, 6, 0, time.FixedZone("XYZ", 3600)) // a Sunday of the last week of 2020
	for format, want := range map[string]string{
		ssiDefaultTime:             "Sunday, 03-Jan-2021 04:05:06 XYZ",
		"%a %b %h %B":              "Sun Jan Jan January",
		"%c":                       "Sun Jan  3 04:05:06 2021",
		"%C %d %D %e %F":           "20 03 01/03/21  3 2021-01-03",
		"%g %G %V %u %w %U %W":     "20 2020 53 7 0 01 00",
		"%H %I %j %k %l %m %M":     "04 04 003  4  4 01 05",
		"%p %P %r %R %S %T %s":     "AM am 04:05:06 AM 04:05 06 04:05:06 1609643106",
		"%x %X %y %Y %z %Z %%":     "01/03/21 04:05:06 21 2021 +0100 XYZ %",
		"%-d %_d %^a %Ey %Od%n%t.": "3  3 SUN 21 03\n\t.",
		"%q %E %":                  "%q %E %",
		"%-":                       "%-",
		"plain":                    "plain",
	} {
		if got := string(appendTime(nil, []byte(format), at, "XYZ")); got != want {
			t.Errorf("%q: %q, want %q", format, got, want)
		}
	}
	noon := time.Date(2020, 12, 31, 12, 0, 0, 0, time.UTC)
	if got := string(appendTime(nil, []byte("%I %l %p %U %W %j"), noon, "UTC")); got != "12 12 PM 52 52 366" {
		t.Errorf("noon: %q", got)
	}
}
