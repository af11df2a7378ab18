package vars

// A Ref is one variable of a Table. There is one Ref a name, so Refs may be compared.
type Ref[R any] struct {
	table *Table[R]
	name  string
	slot  int // index into the request's slots, -1 without one
	from  source
	keep  bool          // the first computed value stays in the slot
	group int           // from a capture: its number
	v     *Var[R]       // built-in: exact or family
	rest  string        // built-in family: what follows the prefix
	get   func(R) Value // given by DefineGet

	quiet bool  // Define: reads as missing until it is assigned
	fresh bool  // DefineSet: reading it early earns a warning
	asked []any // places that use the name
	used  bool
}

// source says where the value comes from while the slot is empty.
type source uint8

const (
	fromNowhere source = iota // unknown yet, or a capture that took no part: missing
	fromSet                   // empty, with a warning
	fromVar                   // built-in
	fromGet                   // map and its kin
	fromGroup                 // $1 to $9
)

// busy marks a slot whose value is being computed: missing, yet with bytes, as no kept value is.
var busy = Value{B: []byte{}, Missing: true}

// Name returns the variable's name in lower case, without "$".
func (f *Ref[R]) Name() string { return f.name }

// Get returns the value for a request. It never allocates by itself.
func (f *Ref[R]) Get(r R) Value {
	if f.slot >= 0 {
		if v := &f.table.hooks.Slots(r)[f.slot]; !v.unset() {
			if v.Missing && v.B != nil {
				return f.cycle(r)
			}
			return *v
		}
	}
	switch f.from {
	case fromVar:
		if !f.keep {
			return f.v.Get(r, f.rest)
		}
		return f.compute(r)
	case fromGet:
		return f.compute(r)
	case fromGroup:
		return f.capture(r)
	case fromSet:
		if h := f.table.hooks.Uninitialized; h != nil {
			h(r, f.name)
		}
		v := Value{B: []byte{}}
		f.table.hooks.Slots(r)[f.slot] = v // nginx warns once a request
		return v
	}
	return Value{Missing: true}
}

// unknown reports whether nothing is known of the name so far.
func (f *Ref[R]) unknown() bool { return f.from == fromNowhere && !f.quiet }

// ask remembers a place that uses the name, as long as it is unknown.
func (f *Ref[R]) ask(at any) {
	if f.unknown() {
		f.asked = append(f.asked, at)
	}
}

// compute runs the function behind the variable, guarding against a variable that needs itself.
func (f *Ref[R]) compute(r R) Value {
	f.table.hooks.Slots(r)[f.slot] = busy
	var v Value
	if f.from == fromVar {
		v = f.v.Get(r, f.rest)
	} else {
		v = f.get(r)
	}
	place := &f.table.hooks.Slots(r)[f.slot]
	if f.keep {
		*place = kept(v)
	} else {
		*place = Value{}
	}
	return v
}

func (f *Ref[R]) cycle(r R) Value {
	if h := f.table.hooks.Cycle; h != nil {
		h(r, f.name)
	}
	return Value{Missing: true}
}

func (f *Ref[R]) capture(r R) Value {
	h := f.table.hooks.Capture
	if h == nil {
		return Value{Missing: true}
	}
	b, ok := h(r, f.group)
	return Value{B: b, Missing: !ok}
}

// Set assigns a value for the rest of the request, as the directive set does. The bytes must live as
// long as the request. Only Refs of DefineSet may be assigned.
func (f *Ref[R]) Set(r R, b []byte) { f.SetValue(r, Value{B: b}) }

// SetValue is Set for a value that may be missing (auth_request_set, captures).
func (f *Ref[R]) SetValue(r R, v Value) {
	if f.slot < 0 {
		if f.v != nil && f.v.Set != nil {
			f.v.Set(r, v.B)
		}
		return
	}
	f.table.hooks.Slots(r)[f.slot] = kept(v)
}
