package lookup

import (
	"encoding/binary"
	"errors"
	"strings"

	"weir/conf"
	"weir/vars"
)

// SplitClientsDirectives are nginx's split_clients module in the blocks of one front: a variable for A/B tests.
func SplitClientsDirectives[R Subject[R]](in conf.Context, of func(*conf.Call) Street[R]) []conf.Directive[struct{}] {
	return []conf.Directive[struct{}]{{
		Name: "split_clients", In: in, Syntax: "<text> <variable:string> { ... }", Opens: conf.SplitClients, Repeat: true,
		Doc: `Makes a variable that has a value by the hash of *text*: each line has a percentage, with up to two decimals, and the value for that share;
"*" stands for the rest. The same text always gets the same value, also from nginx.`,
		Example: "split_clients $remote_addr $variant { 0.5% .one; 2.0% .two; * \"\"; }",
		Declare: func(call *conf.Call) error { return declareSplit(call, of(call)) },
	}}
}

// A split is one split_clients block.
type split[R Subject[R]] struct {
	street Street[R]
	text   *vars.Text[R]
	parts  []share
}

// A share goes up to a hash below its end.
type share struct {
	percent int64 // hundredths of a percent
	end     uint32
	rest    bool // all that is left
	value   []byte
}

func declareSplit[R Subject[R]](call *conf.Call, in Street[R]) error {
	text, err := in.compile(call.Spot(0), call.Arg(0))
	if err != nil {
		return err
	}
	name, err := vars.ParseName(call.Arg(1))
	if err != nil {
		return call.Errorf(1, "%v", err)
	}
	s := &split[R]{street: in, text: text}
	var errs []error
	for n := range call.Body().Lines() {
		if err := s.add(n); err != nil {
			errs = append(errs, err)
		}
	}
	if !s.close() {
		errs = append(errs, call.Errorf(-1, "percent total is greater than 100%%"))
	}
	return errors.Join(append(errs, in.Vars.DefineGet(name, false, s.find))...)
}

// add reads one line.
func (s *split[R]) add(n *conf.Node) error {
	if len(n.Words) != 2 {
		return errorAt(n, -1, "invalid number of the split_clients parameters")
	}
	p := share{value: []byte(n.Words[1].Text)}
	if n.Name() == "*" {
		p.rest = true
	} else {
		text, ok := strings.CutSuffix(n.Name(), "%")
		if p.percent, ok = hundredths(text, ok); !ok {
			return errorAt(n, -1, "invalid percent value \"%s\"", n.Name())
		}
	}
	s.parts = append(s.parts, p)
	return nil
}

// hundredths reads a number with up to two decimals, in hundredths. Nothing is none.
func hundredths(s string, ok bool) (int64, bool) {
	whole, part, dotted := strings.Cut(s, ".")
	if !ok || len(part) > 2 || dotted && strings.Contains(part, ".") || whole+part == "" {
		return 0, false
	}
	n, err := conf.ParseInt(whole + (part + "00")[:2])
	return int64(n), err == nil && n > 0
}

// close works out where shares end; false if they are more than everything.
func (s *split[R]) close() bool {
	sum, end := int64(0), uint32(0)
	for i := range s.parts {
		p := &s.parts[i]
		if p.rest {
			sum = 10000
		} else {
			sum += p.percent
		}
		switch {
		case sum > 10000:
			return false
		case sum == 10000:
			p.rest = true
		default:
			end += uint32(p.percent * 0xffffffff / 10000)
			p.end = end
		}
	}
	return true
}

// find returns the value of the share that the text falls into.
func (s *split[R]) find(r R) vars.Value {
	h := murmur2(r.Text(s.text))
	for i := range s.parts {
		p := &s.parts[i]
		if r.Debugs() {
			r.Debugf("%s split: %d %d", s.street.Name, h, p.end)
		}
		if p.rest || h < p.end {
			return vars.Value{B: p.value}
		}
	}
	return vars.Value{}
}

// murmur2 is MurmurHash2 by Austin Appleby, of 32 bits and with a seed of 0.
func murmur2(b []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := binary.LittleEndian.Uint32(b) * m
		h = h*m ^ (k^k>>24)*m
	}
	for i := len(b) - 1; i >= 0; i-- {
		h ^= uint32(b[i]) << (8 * i)
	}
	if len(b) > 0 {
		h *= m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}
