package listen

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"weir/conf"
)

// ParseCall reads a listen directive of http. The error is about the word at fault.
func ParseCall(call *conf.Call) ([]Spec, error) {
	words := make([]string, call.Len())
	for i := range words {
		words[i] = call.Arg(i)
	}
	specs, at, err := parse(words, call.Lookup)
	if err != nil {
		return nil, call.Errorf(at, "%v", err)
	}
	for i, word := range words[1:] {
		switch {
		case strings.HasPrefix(word, acceptFilter):
			call.Warnf(i+1, "accept filters \"%s\" are not supported on this platform, ignored", word)
		case word == "http2":
			call.Warnf(i+1, "the \"listen ... http2\" directive is deprecated, use the \"http2\" directive instead")
		}
	}
	return specs, nil
}

// parse reads the words of a listen directive: an address and its parameters. After an error, at is the word at fault. A nil lookup asks
// the operating system.
func parse(words []string, lookup conf.Lookup) (specs []Spec, at int, err error) {
	if len(words) == 0 {
		return nil, -1, errors.New("invalid number of arguments in \"listen\" directive")
	}
	if specs, err = ParseAddr(words[0], lookup); err != nil {
		return nil, 0, err
	}
	with := newSpec(specs[0].Addr)
	for i, word := range words[1:] {
		if err := with.param(word); err != nil {
			return nil, i + 1, err
		}
	}
	for i, s := range specs {
		specs[i] = with
		specs[i].Addr = s.Addr
	}
	return specs, -1, nil
}

// param reads one parameter.
func (s *Spec) param(word string) error {
	switch word {
	case "default_server", "default":
		s.Default = true
		return nil
	case "proxy_protocol":
		s.ProxyProtocol = true
		return nil
	case "http2":
		s.HTTP2 = true
		return nil
	case "ssl":
		s.SSL = true
		return nil
	case "quic":
		return missing(word)
	}
	if strings.HasPrefix(word, acceptFilter) {
		return nil
	}
	if err := s.socketParam(word); err != nil {
		return err
	}
	s.Set, s.Bind = true, true // all others are about the socket
	return nil
}

// acceptFilter is FreeBSD's; elsewhere nginx warns of it.
const acceptFilter = "accept_filter="

// missing is the error for parameters whose parts of weir are not built yet.
func missing(word string) error {
	return fmt.Errorf("\"%s\" parameter is known to nginx but not supported by weir yet", word)
}

// socketParam reads a parameter of the socket.
func (s *Spec) socketParam(word string) error {
	switch word {
	case "bind":
		return nil
	case "deferred":
		s.Deferred = true
		return nil
	case "reuseport":
		s.ReusePort = true
		return nil
	case "multipath":
		s.Multipath = true
		return nil
	case "ipv6only=on", "ipv6only=off":
		s.BothStacks = word == "ipv6only=off"
		return nil
	}
	name, value, ok := strings.Cut(word, "=")
	if !ok {
		return badParam(word)
	}
	if name == "ipv6only" && strings.HasPrefix(value, "o") {
		return fmt.Errorf("invalid ipv6only flags \"%s\"", value)
	}
	return s.valueParam(word, name, value)
}

func badParam(word string) error { return fmt.Errorf("invalid parameter \"%s\"", word) }

func (s *Spec) valueParam(word, name, value string) (err error) {
	switch name {
	case "backlog":
		s.Backlog, err = conf.ParseInt(value)
		if n := int32(s.Backlog); n == 0 || n == -1 { // what nginx makes of it, which must be neither
			err = errInvalid
		}
	case "rcvbuf":
		s.RecvBuf, err = parseSize(value)
	case "sndbuf":
		s.SendBuf, err = parseSize(value)
	case "fastopen":
		s.FastOpen, err = conf.ParseInt(value)
	case "so_keepalive":
		if !s.Keepalive.parse(value) {
			return fmt.Errorf("invalid so_keepalive value: \"%s\"", value)
		}
	default: // setfib too, which is FreeBSD's
		return badParam(word)
	}
	if err != nil {
		return fmt.Errorf("invalid %s \"%s\"", name, word)
	}
	return nil
}

var errInvalid = errors.New("invalid value")

func parseSize(s string) (int, error) {
	n, err := conf.ParseSize(s)
	return int(n), err
}

// parse reads on, off, or idle:interval:count, where each part may be left out, but not all.
func (k *Keepalive) parse(s string) bool {
	*k = Keepalive{Set: true, On: s != "off"}
	if s == "on" || s == "off" {
		return true
	}
	idle, rest, _ := strings.Cut(s, ":")
	interval, count, _ := strings.Cut(rest, ":")
	ok := parsePart(&k.Idle, idle) && parsePart(&k.Interval, interval)
	if count != "" {
		n, err := conf.ParseInt(count)
		k.Count = n
		ok = ok && err == nil
	}
	return ok && (k.Idle != 0 || k.Interval != 0 || k.Count != 0)
}

func parsePart(d *time.Duration, s string) bool {
	if s == "" {
		return true
	}
	n, err := conf.ParseSeconds(s)
	*d = n
	return err == nil
}
