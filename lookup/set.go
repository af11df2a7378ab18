package lookup

import (
	"weir/conf"
	"weir/vars"
)

// An Assignment is one set directive: the variable and its value. Run does it; who evaluates the value in a way of its own calls Assign.
type Assignment[R Subject[R]] struct {
	Value  *vars.Text[R]
	street string
	ref    *vars.Ref[R]
}

// SetDirective is the directive set in the blocks of one front. It stands among others that run in the order in which they are written,
// and adds what it does to what the block does: add.
func SetDirective[C any, R Subject[R]](in conf.Context, of func(*conf.Call) Street[R], add func(*C, Assignment[R])) conf.Directive[C] {
	return conf.Directive[C]{
		Name: "set", In: in, Group: "codes", Inherit: conf.Never, Repeat: true,
		Syntax: "<variable:string> <value:text>", Doc: "Gives a variable a value.",
		Example: "set $backend api;",
		Declare: func(call *conf.Call) error {
			if name, err := vars.ParseName(call.Arg(0)); err == nil {
				if _, err := of(call).Vars.DefineSet(name); err != nil {
					return call.Errorf(0, "%v", err)
				}
			}
			return nil
		},
		Set: func(c *C, call *conf.Call) error {
			a, err := readSet(call, of(call))
			if err == nil {
				add(c, a)
			}
			return err
		},
	}
}

func readSet[R Subject[R]](call *conf.Call, in Street[R]) (a Assignment[R], err error) {
	a.street = in.Name
	name, err := vars.ParseName(call.Arg(0))
	if err != nil {
		return a, call.Errorf(0, "%v", err)
	}
	if a.ref, err = in.Vars.DefineSet(name); err != nil {
		return a, call.Errorf(0, "%v", err)
	}
	a.Value, err = in.Text(call, 1)
	return a, err
}

// Run gives the variable its value.
func (a *Assignment[R]) Run(r R) { a.Assign(r, r.Text(a.Value)) }

// Assign gives the variable a value, which must live as long as r does.
func (a *Assignment[R]) Assign(r R, value []byte) {
	a.ref.Set(r, value)
	if r.Debugs() {
		r.Debugf("%s script set $%s", a.street, a.ref.Name())
	}
}
