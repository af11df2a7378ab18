package filter

import (
	"bytes"
	"fmt"
)

// The text of a page is scanned as it comes, in pieces that may end anywhere:
//
//	<!--#  name  param = "value"  param = 'value'  -->
//
// A scanner finds the commands in it and leaves their meaning to others.

// ssiMark begins a command.
const ssiMark = "<!--#"

// Limits of nginx's, beside ssi_value_length.
const (
	ssiNameLen   = 32
	ssiMaxParams = 16
)

type ssiState uint8

const (
	ssiText        ssiState = iota
	ssiInMark               // some of ssiMark was seen
	ssiBeforeName           //
	ssiName                 // of the command
	ssiBeforeParam          //
	ssiParamName            //
	ssiBeforeEqual          //
	ssiBeforeValue          //
	ssiValue                //
	ssiEscaped              // behind a backslash in a value
	ssiAfterValue           //
	ssiDash                 // "-" of "-->"
	ssiDashes               // "--"
	ssiBroken               // behind a fault: the end is looked for
	ssiBrokenDash
	ssiBrokenDashes
)

// ssiEvent is what a scanner has come upon.
type ssiEvent uint8

const (
	ssiNothing ssiEvent = iota // the piece is used up
	ssiCommand                 // a command is complete
	ssiFault                   // a command is faulty: see fault
	ssiSkipped                 // a faulty command has ended
)

// ssiParam is a parameter of a command; the value is as written, with its backslashes.
type ssiParam struct {
	name, value []byte
	quote       byte
}

// A scanner keeps what it has seen of a command that is not complete.
type scanner struct {
	state    ssiState
	marked   int // bytes of ssiMark seen
	maxValue int
	name     []byte
	params   []ssiParam
	fault    string
}

// reset makes the scanner ready for a new page.
func (s *scanner) reset(maxValue int) {
	s.state, s.marked, s.maxValue = ssiText, 0, maxValue
}

// next scans p up to the next event. The first mark bytes of ssiMark turned out to be text, and so is
// text; both come before the event. rest is to be scanned next.
func (s *scanner) next(p []byte) (mark int, text, rest []byte, ev ssiEvent) {
	if s.state <= ssiInMark {
		mark, text, p = s.skipText(p)
	}
	for i, c := range p {
		if ev = s.step(c); ev != ssiNothing {
			return mark, text, p[i+1:], ev
		}
	}
	return mark, text, nil, ssiNothing
}

// skipText looks for ssiMark. Without it all of p is text, but for an end that may be its beginning.
func (s *scanner) skipText(p []byte) (mark int, text, rest []byte) {
	if s.state == ssiInMark {
		n := min(len(ssiMark)-s.marked, len(p))
		if string(p[:n]) == ssiMark[s.marked:s.marked+n] {
			s.markSeen(s.marked + n)
			return 0, nil, p[n:]
		}
		mark = s.marked // "<" is only at the beginning of it, so none of it can begin another one
		s.state, s.marked = ssiText, 0
	}
	for at := 0; ; at++ {
		i := bytes.IndexByte(p[at:], '<')
		if i < 0 {
			return mark, p, nil
		}
		at += i
		n := min(len(ssiMark), len(p)-at)
		if string(p[at:at+n]) == ssiMark[:n] {
			s.markSeen(n)
			return mark, p[:at], p[at+n:]
		}
	}
}

func (s *scanner) markSeen(n int) {
	s.state, s.marked = ssiInMark, n
	if n == len(ssiMark) {
		s.state, s.marked = ssiBeforeName, 0
		s.name, s.params = s.name[:0], s.params[:0]
	}
}

// step takes one byte of a command.
func (s *scanner) step(c byte) ssiEvent {
	space := c == ' ' || c == '\t' || c == '\r' || c == '\n'
	switch s.state {
	case ssiBeforeName, ssiName:
		return s.stepName(c, space)
	case ssiBeforeParam, ssiParamName, ssiBeforeEqual:
		return s.stepParam(c, space)
	case ssiBeforeValue, ssiValue, ssiEscaped, ssiAfterValue:
		return s.stepValue(c, space)
	case ssiDash:
		if c != '-' {
			return s.fail("unexpected \"%s\" symbol in \"%s\" SSI command", c)
		}
		s.state = ssiDashes
	case ssiDashes:
		if c != '>' {
			return s.fail("unexpected \"%s\" symbol in \"%s\" SSI command", c)
		}
		s.state = ssiText
		return ssiCommand
	default:
		return s.stepBroken(c)
	}
	return ssiNothing
}

func (s *scanner) stepName(c byte, space bool) ssiEvent {
	switch {
	case c == '-' && s.state == ssiName:
		s.state = ssiDash
	case !space:
		s.state = ssiName
		if s.name = append(s.name, c); len(s.name) > ssiNameLen {
			s.state, s.fault = ssiBroken, fmt.Sprintf("the \"%s...\" SSI command is too long", s.name)
			return ssiFault
		}
	case s.state == ssiName:
		s.state = ssiBeforeParam
	}
	return ssiNothing
}

func (s *scanner) stepParam(c byte, space bool) ssiEvent {
	switch s.state {
	case ssiBeforeParam:
		switch {
		case space:
		case c == '-':
			s.state = ssiDash
		case len(s.params) == ssiMaxParams:
			s.state, s.fault = ssiBroken, fmt.Sprintf("too many SSI command parameters: \"%s\"", s.name)
			return ssiFault
		default:
			s.state = ssiParamName
			s.addParam(c)
		}
	case ssiParamName:
		p := s.last()
		switch {
		case space:
			s.state = ssiBeforeEqual
		case c == '=':
			s.state = ssiBeforeValue
		case c == '-':
			return s.fail("unexpected \"%s\" symbol after \"%s\" parameter in \"%s\" SSI command", c, p.name)
		default:
			if p.name = append(p.name, c); len(p.name) > ssiNameLen {
				s.state, s.fault = ssiBroken, fmt.Sprintf("too long \"%s...\" parameter in \"%s\" SSI command", p.name, s.name)
				return ssiFault
			}
		}
	case ssiBeforeEqual:
		switch {
		case space:
		case c == '=':
			s.state = ssiBeforeValue
		default:
			return s.fail("unexpected \"%s\" symbol after \"%s\" parameter in \"%s\" SSI command", c, s.last().name)
		}
	}
	return ssiNothing
}

// addParam begins a parameter, in memory of an earlier command's if there is some.
func (s *scanner) addParam(c byte) {
	n := len(s.params)
	if n < cap(s.params) {
		s.params = s.params[:n+1]
	} else {
		s.params = append(s.params, ssiParam{})
	}
	p := s.last()
	p.name, p.value = append(p.name[:0], c), p.value[:0]
}

func (s *scanner) last() *ssiParam { return &s.params[len(s.params)-1] }

func (s *scanner) stepValue(c byte, space bool) ssiEvent {
	p := s.last()
	switch s.state {
	case ssiBeforeValue:
		switch {
		case space:
		case c == '"' || c == '\'':
			s.state, p.quote = ssiValue, c
		default:
			return s.fail("unexpected \"%s\" symbol before value of \"%s\" parameter in \"%s\" SSI command", c, p.name)
		}
		return ssiNothing
	case ssiAfterValue:
		switch {
		case space:
			s.state = ssiBeforeParam
		case c == '-':
			s.state = ssiDash
		default:
			return s.fail("unexpected \"%s\" symbol after \"%s\" value of \"%s\" parameter in \"%s\" SSI command", c, p.value, p.name)
		}
		return ssiNothing
	case ssiEscaped:
		s.state = ssiValue
	case ssiValue:
		switch c {
		case p.quote:
			s.state = ssiAfterValue
			return ssiNothing
		case '\\':
			s.state = ssiEscaped
		}
	}
	p.value = append(p.value, c)
	if len(p.value) > s.maxValue {
		s.state = ssiBroken
		s.fault = fmt.Sprintf("too long \"%s...\" value of \"%s\" parameter in \"%s\" SSI command", p.value, p.name, s.name)
		return ssiFault
	}
	return ssiNothing
}

// stepBroken looks for the end of a faulty command, inside quotes or not. A dash too many and it is not
// the end, as in nginx.
func (s *scanner) stepBroken(c byte) ssiEvent {
	switch {
	case c == '-' && s.state == ssiBroken:
		s.state = ssiBrokenDash
	case c == '-' && s.state == ssiBrokenDash:
		s.state = ssiBrokenDashes
	case c == '>' && s.state == ssiBrokenDashes:
		s.state = ssiText
		return ssiSkipped
	default:
		s.state = ssiBroken
	}
	return ssiNothing
}

// fail makes a fault of an unexpected byte; the command's name is the last word of its text.
func (s *scanner) fail(format string, c byte, words ...[]byte) ssiEvent {
	a := []any{[]byte{c}}
	for _, w := range words {
		a = append(a, w)
	}
	s.fault = fmt.Sprintf(format, append(a, s.name)...)
	if s.state = ssiBroken; c == '-' && len(words) > 0 {
		s.state = ssiBrokenDash // it may begin the end
	}
	return ssiFault
}
