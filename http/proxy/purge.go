package proxy

import (
	"bytes"

	"weir/http"
)

// purge drops what the request names: by tags, if it has any; else by its key, an entry with its variants or, with a final "*", all whose key
// begins so.
func (x *exchange) purge() http.Verdict {
	c, r := x.cache, x.r
	found, tags := true, x.purgeTags()
	if n := len(c.text); tags {
	} else if n > 0 && c.text[n-1] == '*' {
		c.zone.PurgePrefix(c.text[:n-1])
	} else {
		r.Task.Await(func() { found = c.zone.Purge(c.text, c.main) })
	}
	c.zone.CarryOut(r.Loop())
	if !found {
		return http.StatusNotFound
	}
	return r.Respond(204, nil)
}

// purgeTags drops what has one of the tags that the request names. It reports false when it names none.
func (x *exchange) purgeTags() (any bool) {
	c := x.cache
	fields := c.conf.TagFields
	if fields == nil {
		fields = usualTagFields
	}
	for _, text := range c.conf.PurgeTags {
		for tag := range bytes.FieldsFuncSeq(x.r.Text(text), func(r rune) bool { return r == ' ' || r == ',' }) {
			c.zone.PurgeTag(fields, tag)
			any = true
		}
	}
	return any
}

// usualTagFields are the fields that the tags of responses are in, unless others are named.
var usualTagFields = []string{"Surrogate-Key", "Cache-Tag"}
