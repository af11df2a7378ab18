package filter

import (
	"encoding/base64"
	"time"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/logs"
	"weir/vars"
)

// UserID is nginx's userid module: a cookie by which a client is known again.
var UserID = http.Define(http.Spec[userIDConf]{
	Name: "http_userid_filter",
	Doc:  "Gives clients cookies by which they are known again. Logs may have them by `$uid_got` and `$uid_set`.",
	Directives: []conf.Directive[userIDConf]{
		{
			Name: "userid", In: userIDPlaces, Syntax: "on | v1 | log | off", Default: "off",
			Doc: `Whether clients get cookies: **on** (of version 2), **v1** (of version 1), **log** (none are set, those that come are known to
` + "`$uid_got`" + `), **off**.`,
			Example: "userid on;\nuserid_name uid;\nuserid_expires 365d;",
			Set: conf.Enum(func(c *userIDConf) *uidMode { return &c.mode }, map[string]uidMode{
				"off": uidOff, "log": uidLog, "v1": uidV1, "on": uidV2,
			}),
		},
		{
			Name: "userid_name", In: userIDPlaces, Syntax: "<name:string>", Default: "uid",
			Doc: "The name of the cookie.",
			Set: conf.String(func(c *userIDConf) *string { return &c.name }),
		},
		{
			Name: "userid_domain", In: userIDPlaces, Syntax: "<name:string> | none", Default: "none",
			Doc:     "The domain of the cookie.",
			Example: "userid_domain example.com;",
			Set:     orNone("; domain=", func(c *userIDConf) *string { return &c.domain }),
		},
		{
			Name: "userid_path", In: userIDPlaces, Syntax: "<path:string>", Default: "/",
			Doc: "The path of the cookie.",
			Set: func(c *userIDConf, call *conf.Call) error { c.path = "; path=" + call.Arg(0); return nil },
		},
		{
			Name: "userid_expires", In: userIDPlaces, Syntax: "<time:seconds> | max | off", Default: "off",
			Doc:     "How long the browser keeps the cookie; **max** is until the end of 2037, **off** until the browser ends.",
			Example: "userid_expires 365d;",
			Set:     setUIDExpires,
		},
		{
			Name: "userid_flags", In: userIDPlaces, Syntax: "! 1-3 off | <flag> ...", Default: "off", Repeat: true,
			Doc:     "Flags of the cookie: secure, httponly, samesite=strict, samesite=lax, samesite=none.",
			Example: "userid_flags secure httponly samesite=lax;",
			Set: conf.Bits(func(c *userIDConf) *uidFlags { return &c.flags }, map[string]uidFlags{
				"off": uidNoFlag, "secure": uidSecure, "httponly": uidHTTPOnly,
				"samesite=strict": uidStrict, "samesite=lax": uidLax, "samesite=none": uidNone,
			}),
		},
		{
			Name: "userid_p3p", In: userIDPlaces, Syntax: "<policy:string> | none", Default: "none",
			Doc:     "The field `P3P` that is sent along with the cookie.",
			Example: "userid_p3p 'policyref=\"/w3c/p3p.xml\"';",
			Set:     orNone("", func(c *userIDConf) *string { return &c.p3p }),
		},
		{
			Name: "userid_mark", In: userIDPlaces, Syntax: "<mark:string> | off", Default: "off",
			Doc: `A letter, digit or "=" that cookies end in instead of the first of their two "=". A client whose cookie has another mark gets it
anew with this one, and with the other directives as they are now; who it is stays the same.`,
			Set: setUIDMark,
		},
		{
			Name: "userid_service", In: userIDPlaces, Syntax: "<number>",
			Doc:     "The number of the server in its cookies, so that several servers never give the same. It is the server's address, in version 1 zero.",
			Example: "userid_service 1;",
			Set: func(c *userIDConf, call *conf.Call) error {
				n, err := conf.ParseInt(call.Arg(0))
				c.service, c.hasService = uint32(n), true
				return err
			},
		},
	},
	Variables: []http.Var{
		{Name: "uid_got", Doc: "The cookie that the client has sent: its name and who the client is.", Cache: true, Get: uidGot},
		{Name: "uid_set", Doc: "The cookie that the client is sent: its name and who the client is.", Cache: true, Get: uidSet},
		{
			Name: "uid_reset", Doc: "To be set: neither empty nor `0`, the client gets a new cookie; `log` logs the old one.", Changeable: true,
			Get: func(*http.Request, string) http.Value { return http.Value{} },
		},
	},
	Install: func(c *userIDConf, in *http.Install) error {
		if c.mode == uidOff {
			return nil
		}
		own := *c
		own.ids = http.Of[uidSource](in.Builder)
		own.ids.begin()
		own.reset = in.Builder.Vars.Lookup("uid_reset")
		in.Keep(&own)
		if own.gives() {
			in.Head(own.head)
		}
		return nil
	},
})

const userIDPlaces = conf.HTTP | conf.Server | conf.Location

// userIDConf holds the settings of one block.
type userIDConf struct {
	mode         uidMode
	name         string
	domain, path string // as they stand in the cookie
	p3p          string
	expires      time.Duration
	max          bool // userid_expires max
	flags        uidFlags
	mark         byte // 0: none
	service      uint32
	hasService   bool

	ids   *uidSource
	reset *vars.Ref[*http.Request]
}

type uidMode uint8

const (
	uidOff uidMode = iota
	uidLog
	uidV1
	uidV2
)

type uidFlags uint8

const (
	uidSecure uidFlags = 1 << iota
	uidHTTPOnly
	uidStrict
	uidLax
	uidNone
	uidNoFlag
)

// gives reports whether clients are given cookies.
func (c *userIDConf) gives() bool { return c.mode >= uidV1 }

func orNone(prefix string, f func(*userIDConf) *string) func(*userIDConf, *conf.Call) error {
	return func(c *userIDConf, call *conf.Call) error {
		if *f(c) = ""; call.Arg(0) != "none" {
			*f(c) = prefix + call.Arg(0)
		}
		return nil
	}
}

func setUIDExpires(c *userIDConf, call *conf.Call) error {
	c.expires, c.max = 0, false
	switch word := call.Arg(0); word {
	case "max":
		c.max = true
	case "off":
	default:
		d, err := conf.ParseSeconds(word)
		if err != nil {
			return call.Invalid(0, "invalid value")
		}
		c.expires = d
	}
	return nil
}

func setUIDMark(c *userIDConf, call *conf.Call) error {
	word := call.Arg(0)
	switch {
	case word == "off":
		c.mark = 0
		return nil
	case len(word) == 1:
		if b := word[0]; '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' || b == '=' {
			c.mark = b
			return nil
		}
	}
	return call.Invalid(0, "value must be \"off\" or a single letter, digit or \"=\"")
}

// uidState is what is known of a request's client.
type uidState struct {
	got, set uid
	cookie   []byte // as it came
	renewed  bool   // got is to be forgotten
}

// state reads the cookie of a client's request, once.
func (c *userIDConf) state(r *http.Request) *uidState {
	if s, ok := http.Load[*uidState](r); ok {
		return s
	}
	s := &uidState{}
	http.Store(r, s, http.UntilRedirect)
	value, line, ok := r.Cookie(c.name)
	if !ok {
		return s
	}
	s.cookie = value
	if r.Debugs() {
		r.Debugf("uid cookie: \"%s\"", value)
	}
	if len(value) < uidDigits {
		r.Logf(logs.Error, "client sent too short userid cookie \"%s\"", line)
		return s
	}
	if !s.got.read(value[:uidDigits]) {
		r.Logf(logs.Error, "client sent invalid userid cookie \"%s\"", line)
	}
	return s
}

// choose decides who the client is from now on: s.set stays unknown when it needs no cookie.
func (c *userIDConf) choose(r *http.Request, s *uidState) {
	if s.set.known() {
		return
	}
	if s.got.known() {
		reset := string(c.reset.Get(r).B)
		if reset == "" || reset == "0" {
			if c.mark != 0 && !(len(s.cookie) > uidDigits+1 && s.cookie[uidDigits] == c.mark && s.cookie[uidDigits+1] == '=') {
				s.set = s.got
			}
			return
		}
		s.renewed = true
		if reset == "log" {
			r.Logf(logs.Notice, "userid cookie \"%s\" was reset", s.got.text(c.name))
		}
	}
	now := uint32(r.Loop().Wall().Unix())
	if c.mode == uidV1 {
		s.set = uid{c.service, now, c.ids.start, c.ids.nextV1()}
		return
	}
	service := c.service
	if !c.hasService {
		service = addressNumber(r)
	}
	s.set = uid{bigEndian(service), bigEndian(now), bigEndian(c.ids.start), bigEndian(c.ids.nextV2())}
}

// head adds the cookie to a response.
func (c *userIDConf) head(r *http.Request) http.Verdict {
	if r.IsSub() {
		return http.Next
	}
	s := c.state(r)
	c.choose(r, s)
	if !s.set.known() {
		return http.Next
	}
	b := append(append(r.Alloc(256)[:0], c.name...), '=')
	if !s.got.known() || s.renewed {
		raw := s.set.bytes()
		b = base64.StdEncoding.AppendEncode(b, raw[:])
		if c.mark != 0 {
			b[len(b)-2] = c.mark
		}
	} else {
		b = append(append(b, s.cookie[:uidDigits]...), c.mark, '=')
	}
	b = c.appendAttributes(b, r)
	r.Out.AddField(field.SetCookie, field.SetCookie.Bytes(), b)
	if c.p3p != "" {
		r.Out.AddField(field.Unknown, []byte("P3P"), []byte(c.p3p))
	}
	return http.Next
}

func (c *userIDConf) appendAttributes(b []byte, r *http.Request) []byte {
	switch {
	case c.max:
		b = append(b, "; expires=Thu, 31-Dec-37 23:55:55 GMT"...)
	case c.expires > 0:
		until, layout := r.Loop().Wall().UTC().Add(c.expires), "Mon, 02-Jan-06 15:04:05 GMT"
		if until.Year() > 2037 { // old browsers take two digits, and these for 1938 and later
			layout = "Mon, 02-Jan-2006 15:04:05 GMT"
		}
		b = until.AppendFormat(append(b, "; expires="...), layout)
	}
	b = append(append(b, c.domain...), c.path...)
	for _, f := range [...]struct {
		flag uidFlags
		text string
	}{
		{uidSecure, "; secure"},
		{uidHTTPOnly, "; httponly"},
		{uidStrict, "; samesite=strict"},
		{uidLax, "; samesite=lax"},
		{uidNone, "; samesite=none"},
	} {
		if c.flags&f.flag != 0 {
			b = append(b, f.text...)
		}
	}
	return b
}

func uidGot(r *http.Request, _ string) http.Value {
	r = r.Main()
	if c, ok := http.Kept[*userIDConf](r.Loc); ok {
		if s := c.state(r); s.got.known() {
			return http.Value{B: []byte(s.got.text(c.name))}
		}
	}
	return http.Value{Missing: true}
}

func uidSet(r *http.Request, _ string) http.Value {
	r = r.Main()
	if c, ok := http.Kept[*userIDConf](r.Loc); ok && c.gives() {
		s := c.state(r)
		c.choose(r, s)
		if s.set.known() {
			return http.Value{B: []byte(s.set.text(c.name))}
		}
	}
	return http.Value{Missing: true}
}
