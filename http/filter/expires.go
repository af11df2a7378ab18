package filter

import (
	"strconv"
	"strings"
	"time"

	"weir/conf"
	"weir/http"
	"weir/http/field"
)

type expiresMode uint8

const (
	expiresOff expiresMode = iota
	expiresEpoch
	expiresMax
	expiresAfter    // a time from now
	expiresModified // a time from Last-Modified
	expiresDaily    // a time of day
)

// An expiry is one expires directive.
type expiry struct {
	mode expiresMode
	time time.Duration
	text *http.Text // with variables: worked out for each response
}

func setExpires(c *headersConf, call *conf.Call) error {
	last := call.Len() - 1
	word := call.Arg(last)
	modified := false
	if last == 1 {
		if call.Arg(0) != "modified" {
			return call.Invalid(0, "invalid value")
		}
		modified = true
	}
	if strings.Contains(word, "$") {
		text, err := http.CompileText(call, last, word)
		c.expires = expiry{mode: expiresAfter, text: text}
		if modified {
			c.expires.mode = expiresModified
		}
		return err
	}
	e, why := parseExpiry(word, modified)
	if why != "" {
		return call.Invalid(last, why)
	}
	c.expires = e
	return nil
}

// parseExpiry reads the value of expires; why is nginx's sentence about a bad one.
func parseExpiry(word string, modified bool) (e expiry, why string) {
	if !modified {
		switch word {
		case "epoch":
			return expiry{mode: expiresEpoch}, ""
		case "max":
			return expiry{mode: expiresMax}, ""
		case "off":
			return expiry{mode: expiresOff}, ""
		}
	}
	minus := false
	e.mode = expiresAfter
	if modified {
		e.mode = expiresModified
	}
	switch {
	case strings.HasPrefix(word, "@"):
		if modified {
			return e, "daily time cannot be used with \"modified\" parameter"
		}
		word, e.mode = word[1:], expiresDaily
	case strings.HasPrefix(word, "+"):
		word = word[1:]
	case strings.HasPrefix(word, "-"):
		word, minus = word[1:], true
	}
	d, err := conf.ParseSeconds(word)
	if err != nil {
		return e, "invalid value"
	}
	if e.mode == expiresDaily && d > 24*time.Hour {
		return e, "daily time value must be less than 24 hours"
	}
	if minus {
		d = -d
	}
	e.time = d
	return e, ""
}

// set adds Expires and Cache-Control to a response, in the place of others.
func (e *expiry) set(r *http.Request) {
	x := *e
	if e.text != nil {
		var why string
		word := string(r.Text(e.text))
		if x, why = parseExpiry(word, e.mode == expiresModified); why != "" || x.mode == expiresOff {
			return
		}
	}
	o := &r.Out
	expires, control := x.values(r)
	o.SetField(field.Expires, field.Expires.Bytes(), expires)
	o.SetField(field.CacheControl, field.CacheControl.Bytes(), control)
}

// values are what Expires and Cache-Control say.
func (e *expiry) values(r *http.Request) (expires, control []byte) {
	now := r.Loop().Wall()
	var age int64
	switch e.mode {
	case expiresEpoch:
		return []byte("Thu, 01 Jan 1970 00:00:01 GMT"), []byte("no-cache")
	case expiresMax:
		return []byte("Thu, 31 Dec 2037 23:55:55 GMT"), []byte("max-age=315360000")
	case expiresDaily:
		y, m, d := now.Date()
		at := time.Date(y, m, d, 0, 0, 0, 0, now.Location()).Add(e.time)
		if !at.After(now) {
			at = time.Date(y, m, d+1, 0, 0, 0, 0, now.Location()).Add(e.time)
		}
		age = at.Unix() - now.Unix()
	case expiresModified:
		if r.Out.LastModified >= 0 {
			age = r.Out.LastModified + int64(e.time/time.Second) - now.Unix()
			break
		}
		age = int64(e.time / time.Second)
	default:
		age = int64(e.time / time.Second)
	}
	expires = field.AppendDate(r.Alloc(32)[:0], now.Unix()+age)
	if age < 0 || e.mode == expiresAfter && e.time < 0 {
		return expires, []byte("no-cache")
	}
	return expires, strconv.AppendInt(append(r.Alloc(32)[:0], "max-age="...), age, 10)
}
