package proxy

import (
	"math"
	"slices"
	"strings"
	"time"

	"weir/cache"
	"weir/conf"
	"weir/http"
)

// cacheConf is what proxy_cache and its kin say of one block.
type cacheConf struct {
	On         bool
	depth      int                     // of the block that says so
	Zone       *cache.Cache            // nil: Name says which
	Name       *http.Text              // with variables
	All        map[string]*cache.Cache // those that Name may say
	Key        *http.Text              // nil: the usual one
	Bypass     []*http.Text            // what makes a request not to be answered from the cache
	Skip       []*http.Text            // what makes a response not to be stored
	Valid      []validity
	MinUses    int
	RangeMost  int64 // plus one: the first byte of ranges that are cut from a whole response; 0: all are
	UseStale   Faults
	Methods    http.Method
	Lock       bool
	LockWait   time.Duration
	LockAge    time.Duration
	Revalidate bool
	KeepHead   bool // a HEAD stays one
	Background bool
	Purge      []*http.Text
	PurgeTags  []*http.Text
	Status     string   // what the cache calls itself in Cache-Status; empty: there is none
	TagFields  []string // nil: the usual ones
}

// A validity is for how long responses of a status are fresh that do not say so themselves; 0 is any status.
type validity struct {
	status int
	valid  int64 // seconds
}

func (c *cacheConf) off() { c.On, c.Zone, c.Name = false, nil, nil }

// valid is for how long responses of a status are fresh; 0: they are not stored.
func (c *cacheConf) valid(status int) int64 {
	for _, v := range c.Valid {
		if v.status == 0 || v.status == status {
			return v.valid
		}
	}
	return 0
}

// stale reports whether an old response is answered because of a fault.
func (c *cacheConf) stale(f Faults) bool { return c.UseStale&faultOff == 0 && c.UseStale&f != 0 }

// cacheDirectives are proxy_cache and its kin. Their names are completed with the prefix by optionDirectives, but for those that are given
// whole.
func cacheDirectives[C any](prefix string, of func(*C) *upstreamConf, words []faultWord) []conf.Directive[C] {
	at := func(c *C) *cacheConf { return &of(c).Cache }
	return slices.Concat(
		cachePlaceDirectives(prefix, of), cacheRuleDirectives(prefix, at, words), cacheLockDirectives(prefix, at),
		[]conf.Directive[C]{cacheStatusDirective(prefix, at)},
	)
}

func cachePlaceDirectives[C any](prefix string, of func(*C) *upstreamConf) []conf.Directive[C] {
	return []conf.Directive[C]{
		cachePathDirective[C](prefix),
		{
			Name: "cache", Syntax: "off | <zone:text>", Default: "off",
			Doc: "The zone of the cache that responses are stored in, and answered from. It may contain variables.\n\n" +
				"Only responses that were read with `" + prefix + "buffering` are stored. How long they are fresh is said by X-Accel-Expires, " +
				"Cache-Control and Expires, else by `" + prefix + "cache_valid`; those that set a cookie or vary by everything are not stored.",
			Example: "cache one;",
			Set:     func(c *C, call *conf.Call) error { return setCache(of(c), prefix, call) },
		},
		{
			Name: "cache_key", Syntax: "<key:text>",
			Doc:     cacheKeyDoc(prefix),
			Example: "cache_key $scheme$host$request_uri;",
			Set:     http.TextSlot(func(c *C) **http.Text { return &of(c).Cache.Key }),
		},
		{
			Name: "cache_purge", Syntax: "<text:text> ...",
			Doc: "When a request purges the cache instead of asking for a response: when one of the texts is neither empty nor 0. It is answered with " +
				"204, or 404 if there is nothing to be purged. A key that ends with `*` purges all entries whose key begins with what is before it.\n\n" +
				"nginx has it in NGINX Plus only.",
			Example: "cache_purge $purge_method;",
			Set:     http.TextsSlot(func(c *C) *[]*http.Text { return &of(c).Cache.Purge }),
		},
		{
			Name: "cache_purge_tags", Syntax: "<tags:text> ...",
			Doc: "The tags by which a request that purges the cache (`" + prefix + "cache_purge`) does so: words with spaces or commas between them. All " +
				"responses go that have one of them among those of the fields in `" + prefix + "cache_tags`. Without a tag it is by key. Whatever there is of it, " +
				"the answer is 204.\n\nnginx has no such directive.",
			Example: "cache_purge_tags $http_surrogate_key;",
			Set:     http.TextsSlot(func(c *C) *[]*http.Text { return &of(c).Cache.PurgeTags }),
		},
		{
			Name: "cache_tags", Syntax: "<field:string> ...", Default: "Surrogate-Key Cache-Tag",
			Doc:     "The fields of responses that have their tags: words with spaces or commas between them. `" + prefix + "cache_purge_tags` purges by them.\n\nnginx has no such directive.",
			Example: "cache_tags X-Key;",
			Set: func(c *C, call *conf.Call) error {
				f := &of(c).Cache.TagFields
				*f = nil
				for i := range call.Len() {
					*f = append(*f, call.Arg(i))
				}
				return nil
			},
		},
	}
}

func cacheKeyDoc(prefix string) string {
	if prefix == "proxy_" {
		return "What tells responses apart in the cache. Unless it is set, it is the URL that the peer is asked for."
	}
	return "What tells responses apart in the cache. It has no default."
}

func cacheRuleDirectives[C any](prefix string, at func(*C) *cacheConf, words []faultWord) []conf.Directive[C] {
	var names []string
	faults := map[string]Faults{}
	for _, w := range words {
		names = append(names, w.name)
		faults[w.name] = w.fault
	}
	d := []conf.Directive[C]{
		{
			Name: "cache_bypass", Syntax: "<text:text> ...", Repeat: true,
			Doc:     "When a request is not answered from the cache: when one of the texts is neither empty nor 0. The response may be stored all the same.",
			Example: "cache_bypass $cookie_nocache $arg_nocache;",
			Set:     http.TextsSlot(func(c *C) *[]*http.Text { return &at(c).Bypass }),
		},
		{
			Name: "no_cache", Syntax: "<text:text> ...", Repeat: true,
			Doc:     "When a response is not stored: when one of the texts is neither empty nor 0.",
			Example: "no_cache $http_pragma $http_authorization;",
			Set:     http.TextsSlot(func(c *C) *[]*http.Text { return &at(c).Skip }),
		},
		{
			Name: "cache_valid", Syntax: "! 1- [<code> ...] <time>", Repeat: true,
			Doc: "For how long responses with these statuses are fresh, if they do not say so themselves; **any** are all statuses, and without " +
				"a status it is 200, 301 and 302.",
			Example: "cache_valid 200 302 10m;",
			Set:     func(c *C, call *conf.Call) error { return addValid(&at(c).Valid, call) },
		},
		{
			Name: "cache_min_uses", Syntax: "<number>", Default: "1",
			Doc: "How often a response is asked for before it is stored.",
			Set: conf.Int(func(c *C) *int { return &at(c).MinUses }),
		},
		{
			Name: "cache_max_range_offset", Syntax: "<offset>",
			Doc: "Up to which offset of its first byte a range is cut from a response that is fetched whole, to be stored. A range beyond it is passed on, and not stored.",
			Set: func(c *C, call *conf.Call) error {
				err := conf.Offset(func(c *C) *int64 { return &at(c).RangeMost })(c, call)
				if n := &at(c).RangeMost; *n < math.MaxInt64 {
					*n++
				}
				return err
			},
		},
		{
			Name: "cache_use_stale", Syntax: strings.Join(names, " | ") + " ...", Default: "off", Repeat: true,
			Doc: "When a response that is not fresh any more is answered: when asking a peer has failed in one of these ways, or (**updating**) while " +
				"another request fetches it anew.",
			Example: "cache_use_stale error timeout updating;",
			Set: func(c *C, call *conf.Call) error {
				err := conf.Bits(func(c *C) *Faults { return &at(c).UseStale }, faults)(c, call)
				if f := &at(c).UseStale; *f&faultError != 0 {
					*f |= faultNoLive
				}
				return err
			},
		},
		{
			Name: "cache_methods", Syntax: "GET | HEAD | POST ...", Default: "GET HEAD", Repeat: true,
			Doc:     "The methods of requests whose responses are stored. GET and HEAD always are among them.",
			Example: "cache_methods GET HEAD POST;",
			Set: conf.Bits(func(c *C) *http.Method { return &at(c).Methods }, map[string]http.Method{
				"GET": http.GET, "HEAD": http.HEAD, "POST": http.POST,
			}),
		},
	}
	if prefix == "proxy_" {
		d = append(d, conf.Directive[C]{
			Name: "cache_convert_head", Syntax: "on | off", Default: "on",
			Doc: "Whether a HEAD asks the peer by GET, so that the response can be stored. If not, the key should contain `$request_method`.",
			Set: func(c *C, call *conf.Call) error {
				err := conf.Flag(func(c *C) *bool { return &at(c).KeepHead })(c, call)
				at(c).KeepHead = !at(c).KeepHead
				return err
			},
		})
	}
	return d
}

func cacheLockDirectives[C any](prefix string, at func(*C) *cacheConf) []conf.Directive[C] {
	return []conf.Directive[C]{
		{
			Name: "cache_lock", Syntax: "on | off", Default: "off",
			Doc: "Whether of several requests for a response that is not in the cache one only asks a peer, while the others wait for it. As soon as it " +
				"turns out that the response is stored, they get it as it arrives; in nginx they wait for its end.",
			Set: conf.Flag(func(c *C) *bool { return &at(c).Lock }),
		},
		{
			Name: "cache_lock_timeout", Syntax: "<time>", Default: "5s",
			Doc: "For how long a request waits for another one to fetch a response. Then it asks a peer itself, and the response is not stored.",
			Set: conf.Time(func(c *C) *time.Duration { return &at(c).LockWait }),
		},
		{
			Name: "cache_lock_age", Syntax: "<time>", Default: "5s",
			Doc: "How long a request may take to fetch a response before one more request asks a peer.",
			Set: conf.Time(func(c *C) *time.Duration { return &at(c).LockAge }),
		},
		{
			Name: "cache_revalidate", Syntax: "on | off", Default: "off",
			Doc: "Whether a peer is asked, for a response that is not fresh any more, whether it has changed (If-Modified-Since, If-None-Match).",
			Set: conf.Flag(func(c *C) *bool { return &at(c).Revalidate }),
		},
		{
			Name: "cache_background_update", Syntax: "on | off", Default: "off",
			Doc: "Whether a response that is not fresh any more is fetched anew when the client has got the old one. `" + prefix +
				"cache_use_stale updating` must allow that, or the response itself (stale-while-revalidate).",
			Set: conf.Flag(func(c *C) *bool { return &at(c).Background }),
		},
	}
}

func setCache(u *upstreamConf, prefix string, call *conf.Call) error {
	c := &u.Cache
	c.off()
	c.depth = depthOf(call)
	if call.Arg(0) == "off" {
		return nil
	}
	if u.Store.set() {
		switch s := &u.Store; {
		case s.depth == c.depth:
			return call.Errorf(-1, "\"%scache\" directive is incompatible with \"%sstore\"", prefix, prefix)
		case s.depth > c.depth: // the block within stores
			return nil
		}
		u.Store = storePlace{}
	}
	text, err := http.CompileText(call, 0, call.Arg(0))
	if err != nil {
		return err
	}
	c.On = true
	all := cachesOf(call)
	name, ok := text.Const()
	if !ok {
		c.Name, c.All = text, all.of(prefix)
		return nil
	}
	c.Zone, err = all.find(call, prefix, name)
	return err
}

func addValid(list *[]validity, call *conf.Call) error {
	last := call.Len() - 1
	d, err := conf.ParseSeconds(call.Arg(last))
	if err != nil {
		return call.Errorf(last, "invalid time value \"%s\"", call.Arg(last))
	}
	sec := int64(d / time.Second)
	if last == 0 {
		*list = append(*list, validity{200, sec}, validity{301, sec}, validity{302, sec})
		return nil
	}
	for i := range last {
		status := 0
		if word := call.Arg(i); word != "any" {
			if status, err = conf.ParseInt(word); err != nil || status < 100 || status > 599 {
				return call.Errorf(i, "invalid status \"%s\"", word)
			}
		}
		*list = append(*list, validity{status, sec})
	}
	return nil
}
