package access

import (
	"bytes"
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strconv"

	"weir/conf"
	"weir/http"
)

// SecureLink is nginx's secure_link module: links that nobody can make up, and that expire.
var SecureLink = http.Define(http.Spec[secureLinkConf]{
	Name: "http_secure_link",
	Doc:  "Checks links that nobody can make up who does not know a secret, and when they expire.",
	Directives: []conf.Directive[secureLinkConf]{
		{
			Name: "secure_link", In: limitPlaces, Syntax: "<hash:text>",
			Doc: `Where the hash of the request is, and after a comma the time until which it holds, in seconds since 1970. The hash is an MD5 in base64url of
what ` + "`secure_link_md5`" + ` says. ` + "`$secure_link`" + ` is then "1", "0" when the time is over, and empty when the hash is wrong.`,
			Example: "secure_link $arg_md5,$arg_expires;\nsecure_link_md5 \"$secure_link_expires$uri$remote_addr secret\";",
			Set:     http.TextSlot(func(c *secureLinkConf) **http.Text { return &c.hash }),
		},
		{
			Name: "secure_link_md5", In: limitPlaces, Syntax: "<text>",
			Doc:     "The text whose MD5 the hash of `secure_link` must be. It should have the part of the request that is to be protected, and a secret.",
			Example: "secure_link_md5 \"$secure_link_expires$uri$remote_addr secret\";",
			Set:     http.TextSlot(func(c *secureLinkConf) **http.Text { return &c.md5 }),
		},
		{
			Name: "secure_link_secret", In: limitPlaces, Syntax: "<word:string>",
			Doc: `The older form: URIs are /*prefix*/*hash*/*link*, the hash is the MD5, in hexadecimal, of *link* and *word*. ` + "`$secure_link`" + ` is the link if
that is so.`,
			Example: "location /p/ { secure_link_secret word; if ($secure_link = \"\") { return 403; } rewrite ^ /secure/$secure_link; }",
			Set:     func(c *secureLinkConf, call *conf.Call) error { c.secret = []byte(call.Arg(0)); return nil },
		},
	},
	Variables: []http.Var{
		{Name: "secure_link", Doc: "What came of checking the link: see the directive `secure_link`.", Get: linkVar, Cache: true},
		{Name: "secure_link_expires", Doc: "The time of the link until which it holds.", Get: func(r *http.Request, _ string) http.Value {
			t, ok := http.Load[linkExpires](r)
			return http.Value{B: t, Missing: !ok}
		}},
	},
	Install: func(c *secureLinkConf, in *http.Install) error {
		if !in.Configured() {
			return nil
		}
		if b := in.Block; b.First("secure_link_secret") != nil && (b.First("secure_link") != nil || b.First("secure_link_md5") != nil) {
			return http.ErrorAt(in.Block.Node, -1, "\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"")
		}
		if own := c.nearest(in.Block); own.secret != nil || own.hash != nil && own.md5 != nil {
			in.Keep(own)
		}
		return nil
	},
})

// secureLinkConf holds the settings of one block.
type secureLinkConf struct {
	hash, md5 *http.Text
	secret    []byte
}

// nearest leaves of the two forms the one that the nearest block around has; behind a block of the older form nothing is inherited.
func (c *secureLinkConf) nearest(b *conf.Block) *secureLinkConf {
	own := &secureLinkConf{}
	for ; b != nil; b = b.Parent {
		if own.hash == nil && b.First("secure_link") != nil {
			own.hash = c.hash
		}
		if own.md5 == nil && b.First("secure_link_md5") != nil {
			own.md5 = c.md5
		}
		if b.First("secure_link_secret") != nil {
			if own.hash == nil && own.md5 == nil {
				own.secret = c.secret
			}
			break
		}
	}
	return own
}

// linkExpires is the time in a link, kept for its variable.
type linkExpires []byte

func linkVar(r *http.Request, _ string) http.Value {
	c, ok := http.Kept[*secureLinkConf](r.Loc)
	switch {
	case !ok:
		return http.Value{Missing: true}
	case c.secret != nil:
		return c.link(r)
	}
	hash, expires, timed := bytes.Cut(r.Text(c.hash), []byte(","))
	until := int64(0)
	if timed {
		n, err := strconv.ParseUint(string(expires), 10, 62)
		if err != nil || n == 0 {
			return http.Value{Missing: true}
		}
		until = int64(n)
		http.Store(r, linkExpires(expires), http.UntilRedirect)
	}
	if len(hash) > 24 {
		return http.Value{Missing: true}
	}
	hash, _, _ = bytes.Cut(hash, []byte("="))
	var want [18]byte
	n, err := base64.RawURLEncoding.Decode(want[:], hash)
	sum := md5.Sum(r.Text(c.md5))
	switch {
	case err != nil || n != len(sum) || subtle.ConstantTimeCompare(want[:n], sum[:]) != 1:
		return http.Value{Missing: true}
	case timed && until < r.Loop().Wall().Unix():
		return http.Value{B: []byte("0")}
	}
	return http.Value{B: []byte("1")}
}

// link checks a URI of the older form.
func (c *secureLinkConf) link(r *http.Request) http.Value {
	_, rest, _ := bytes.Cut(r.Target[min(1, len(r.Target)):], []byte("/"))
	hash, link, _ := bytes.Cut(rest, []byte("/"))
	var want [md5.Size]byte
	if len(hash) != 2*len(want) || len(link) == 0 {
		return http.Value{Missing: true}
	}
	if _, err := hex.Decode(want[:], hash); err != nil {
		return http.Value{Missing: true}
	}
	sum := md5.Sum(append(bytes.Clone(link), c.secret...))
	if subtle.ConstantTimeCompare(want[:], sum[:]) != 1 {
		return http.Value{Missing: true}
	}
	return http.Value{B: link}
}
