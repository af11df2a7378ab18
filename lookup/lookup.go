// Package lookup has the variables that the configuration makes of others: by looking them up in tables (map, geo, split_clients,
// geoip2), or by giving them a value (set). Whatever serves has them, so all is generic over whom they are asked of: a request of http, a
// session of stream.
package lookup

import (
	"fmt"
	"net/netip"

	"weir/conf"
	"weir/logs"
	"weir/vars"
)

// A Subject is what variables are asked of. R is its own type. All its methods are for its own task, and what they return lives as long
// as it does.
type Subject[R any] interface {
	Text(*vars.Text[R]) []byte
	Lower([]byte) []byte // a copy only where there is a capital
	// MatchPattern matches text, and on success keeps the captures, for $1 and for the variables of slots.
	MatchPattern(p *vars.Pattern, slots []int, text []byte) (bool, error)
	ClientAddr() netip.Addr // not valid for a unix socket
	Debugs() bool
	Debugf(format string, a ...any)
	Log(level logs.Level, text string)
}

// A Street is where tables are declared: a front and its variables.
type Street[R Subject[R]] struct {
	Name string // "http"
	Vars *vars.Table[R]
	// Forwarded returns the values of X-Forwarded-For, in the order in which they came; nil where there is no such thing.
	Forwarded func(R) [][]byte
}

// Text compiles argument arg of a directive as text with variables: what set assigns, what return answers.
func (s *Street[R]) Text(call *conf.Call, arg int) (*vars.Text[R], error) {
	return s.compile(call.Spot(arg), call.Arg(arg))
}

// compile compiles text that stands at a place.
func (s *Street[R]) compile(at conf.Spot, text string) (*vars.Text[R], error) {
	x, err := s.Vars.Compile(text)
	if err != nil {
		return nil, at.Errorf("%v", err)
	}
	if x.Open() {
		at.Node.Keep()
		x.Ask(at)
	}
	return x, nil
}

// errorAt makes an error at argument arg of a line, or at its first word (-1).
func errorAt(n *conf.Node, arg int, format string, a ...any) error {
	return conf.Spot{Node: n, Arg: arg}.Errorf("%s", fmt.Sprintf(format, a...))
}
