package vars

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// matchTimeout is how long one match may backtrack. A loop stands still meanwhile.
const matchTimeout = 5 * time.Millisecond

// wideBase moves the bytes 0x80–0xff to U+E080–U+E0FF, in a private area of Unicode: no case, no
// class, and an order of their own, so ranges stay ranges.
const wideBase = 0xE000

// wideLen is the length of such a code point in UTF-8, and wideLead its first byte.
const (
	wideLen  = 3
	wideLead = 0xEE
)

func wide(b byte) rune {
	if b < 0x80 {
		return rune(b)
	}
	return wideBase + rune(b)
}

// widen returns s with its high bytes moved, in UTF-8, in a buffer of the pool.
func (p *Pattern) widen(s []byte) *[]byte {
	buf, _ := p.bytes.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	b := (*buf)[:0]
	for _, c := range s {
		if c < 0x80 {
			b = append(b, c)
		} else {
			b = append(b, wideLead, 0x80|c>>6, 0x80|c&0x3f)
		}
	}
	*buf = b
	return buf
}

// narrow turns an offset into widened text into one of the text itself.
func narrow(widened []byte, at int) int {
	if at < 0 {
		return at
	}
	return at - (wideLen-1)*bytes.Count(widened[:at], []byte{wideLead})
}

func isASCII(s []byte) bool {
	for len(s) >= 8 {
		if (s[0]|s[1]|s[2]|s[3]|s[4]|s[5]|s[6]|s[7])&0x80 != 0 {
			return false
		}
		s = s[8:]
	}
	for _, c := range s {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// tuneClock makes regexp2 look at its clock every millisecond instead of every hundred. The period is
// a variable of that package which may only be set before the first match, hence once.
var tuneClock = sync.OnceFunc(func() { regexp2.SetTimeoutCheckPeriod(time.Millisecond) })

// backtracker returns the regexp2 form of the pattern, compiled at first need.
func (p *Pattern) backtracker() (*regexp2.Regexp, error) {
	p.once.Do(func() {
		tuneClock()
		p.back, p.backErr = regexp2.Compile(p.exact, regexp2.RE2, regexp2.OptionMaintainCaptureOrder())
		if p.backErr == nil {
			p.back.MatchTimeout = matchTimeout
		}
	})
	return p.back, p.backErr
}

// toRunes returns s for regexp2, in a buffer of the pool.
func (p *Pattern) toRunes(s []byte) *[]rune {
	buf, _ := p.runes.Get().(*[]rune)
	if buf == nil {
		buf = new([]rune)
	}
	r := (*buf)[:0]
	for _, c := range s {
		r = append(r, wide(c))
	}
	*buf = r
	return buf
}

func (p *Pattern) matchBack(s []byte) (bool, error) {
	re, err := p.backtracker()
	if err != nil {
		return false, err
	}
	buf := p.toRunes(s)
	ok, err := re.MatchRunes(*buf)
	if err != nil {
		err = insist(err, func() (err error) {
			ok, err = re.MatchRunes(*buf)
			return err
		})
	}
	p.runes.Put(buf)
	if err != nil {
		return false, p.failed(err, s)
	}
	return ok, nil
}

func (p *Pattern) findBack(dst []int, s []byte) ([]int, bool, error) {
	re, err := p.backtracker()
	if err != nil {
		return dst, false, err
	}
	buf := p.toRunes(s)
	ok := false
	groups := func(m regexp2.MatchView) bool {
		ok = true
		for i := range p.names {
			at, n, took := m.GroupRange(i)
			if !took {
				at, n = -1, 0
			}
			dst = append(dst, at, at+n)
		}
		return false
	}
	if err = re.FindRunesMatches(*buf, 0, groups); err != nil {
		err = insist(err, func() error { return re.FindRunesMatches(*buf, 0, groups) })
	}
	p.runes.Put(buf)
	if err != nil {
		return dst, false, p.failed(err, s)
	}
	return dst, ok, nil
}

// insist repeats a match whose time was up, until the thread has worked on it for so long: on a busy machine others may have had the
// processor meanwhile. Besides, regexp2 reads a clock that a goroutine winds, and that clock jumps.
func insist(err error, match func() error) error {
	const patience = 20 * matchTimeout
	begin, used := time.Now(), threadTime()
	for err != nil && !errors.Is(err, regexp2.ErrBacktrackingStackLimit) && threadTime()-used < matchTimeout && time.Since(begin) < patience {
		err = match()
	}
	return err
}

// ErrLimit is the end of a match that took too much time or memory.
var ErrLimit = errors.New("match limit exceeded")

// failed words an error as nginx does, with a sentence for its number.
func (p *Pattern) failed(err error, s []byte) error {
	if errors.Is(err, regexp2.ErrBacktrackingStackLimit) {
		return fmt.Errorf(`pcre2_match() failed: %w (memory) on "%s" using "%s"`, ErrLimit, s, p.source)
	}
	return fmt.Errorf(`pcre2_match() failed: %w (%v) on "%s" using "%s"`, ErrLimit, matchTimeout, s, p.source)
}
