// Package vars holds $variables and text with $variables, compiled at load so that a request only
// follows pointers.
//
// A Table knows every variable of one kind of request R (http's request, stream's session): built-in
// ones, families that share a prefix ($arg_name, $http_name), and those that the configuration
// defines (set, map, captures of regular expressions). A Ref is one variable, a Text is literal text
// and Refs in a row. While the configuration is read, names may be used before they are defined;
// Finish settles them all. After Finish a Table is only read, so any goroutine may use it.
//
//	t := vars.NewTable(vars.Hooks[*Request]{Slots: func(r *Request) []vars.Value { return r.slots }})
//	t.Add(vars.Var[*Request]{Name: "uri", Get: func(r *Request, _ string) vars.Value { … }})
//	x, err := t.Compile("$scheme://$host$uri")
//	errs := t.Finish()
//	dst = x.Append(dst[:0], r)
//
// Names know no case, as in nginx: $HTTP_Foo is $http_foo.
//
// The package also has Pattern, the regular expressions of the configuration (pattern.go).
package vars

import "strconv"

// A Value is what a variable holds. B is borrowed: it lives as long as the request.
//
// The zero Value in a slot means "not set yet"; as the answer of a Get it is an empty text.
type Value struct {
	B       []byte
	Missing bool // there is no such thing: empty in text, "-" in the access log
}

// unset reports whether a slot holds nothing yet.
func (v *Value) unset() bool { return v.B == nil && !v.Missing }

// kept is v in a form that can be told from an unset slot.
func kept(v Value) Value {
	if v.Missing {
		return Value{Missing: true}
	}
	if v.B == nil {
		v.B = []byte{}
	}
	return v
}

// A Var is a built-in variable.
type Var[R any] struct {
	Name string // "host"; a name ending in "_" is a family of variables: "arg_"
	Doc  string

	// Get computes the value. For a family, rest is what follows the prefix, in lower case; it may be
	// empty, since nginx knows $http_ too.
	Get func(r R, rest string) Value

	// Set takes what the directive set assigns. Without it, the name cannot be assigned unless it is Changeable.
	Set func(r R, v []byte)

	// Changeable lets the configuration give the name another value (set, map, geo): Get is asked as long as nothing else
	// has a value for it.
	Changeable bool

	// Cache keeps the first value for the rest of the request ($request_id).
	Cache bool
}

// Hooks connect a Table with the requests it serves. All but Slots may be nil.
type Hooks[R any] struct {
	// Slots returns the request's own storage: at least Table.Slots() values, zero at its beginning.
	Slots func(r R) []Value
	// Capture returns group n (1 to 9) of the regular expression that matched last.
	Capture func(r R, n int) ([]byte, bool)
	// Uninitialized hears of a variable read before any set ran
	// (nginx: using uninitialized "x" variable).
	Uninitialized func(r R, name string)
	// Cycle hears of a variable that needs itself
	// (nginx: cycle while evaluating variable "x"). It reads as missing.
	Cycle func(r R, name string)
}

// UnknownError is a name that was used and never defined.
type UnknownError struct {
	Name string
	At   []any // places given to Lookup and Text.Ask, in order
}

func (e *UnknownError) Error() string { return `unknown "` + e.Name + `" variable` }

// DuplicateError is the definition of a name that is taken.
type DuplicateError struct{ Name string }

func (e *DuplicateError) Error() string { return `the duplicate "` + e.Name + `" variable` }

// lower returns a name as it is compared: ASCII in lower case.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// AppendMillis appends milliseconds as seconds with three decimals, as variables tell times.
func AppendMillis(b []byte, ms int64) []byte {
	if ms < 0 {
		ms = 0
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	f := ms % 1000
	return append(b, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
}
