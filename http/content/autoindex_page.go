package content

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/http/field"
	"weir/http/url"
)

// nameWidth is how wide the column of names is in HTML lists.
const nameWidth = 50

var escapesHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\"", "&quot;")

// appendHTML appends the list as a page. inUTF8 says that widths are those of characters instead of bytes.
func (c *autoindexConf) appendHTML(b, uri []byte, entries []entry, inUTF8 bool) []byte {
	title := escapesHTML.Replace(string(uri))
	b = append(b, "<html>\r\n<head><title>Index of "...)
	b = append(b, title...)
	b = append(b, "</title></head>\r\n<body>\r\n<h1>Index of "...)
	b = append(b, title...)
	b = append(b, "</h1><hr><pre><a href=\"../\">../</a>\r\n"...)
	for i := range entries {
		b = c.appendLine(b, &entries[i], inUTF8)
	}
	return append(b, "</pre><hr></body>\r\n</html>\r\n"...)
}

// appendLine appends one line: the name, cut to the width of its column, time and size.
func (c *autoindexConf) appendLine(b []byte, e *entry, inUTF8 bool) []byte {
	b = append(b, "<a href=\""...)
	b = url.AppendEscaped(b, []byte(e.name), url.EscapeComponent)
	if e.dir {
		b = append(b, '/')
	}
	b = append(b, "\">"...)
	shown, width := e.name, len(e.name)
	if inUTF8 && utf8.ValidString(e.name) {
		width = utf8.RuneCountInString(e.name)
	}
	if width > nameWidth {
		shown = shorten(shown, nameWidth-3, width != len(e.name)) + "..>"
		width = nameWidth
	} else if e.dir && width < nameWidth {
		shown += "/"
		width++
	}
	b = append(b, escapesHTML.Replace(shown)...)
	b = append(b, "</a>"...)
	for ; width < nameWidth; width++ {
		b = append(b, ' ')
	}
	at := e.modified.UTC()
	if c.localtime {
		at = e.modified.Local()
	}
	b = at.AppendFormat(append(b, ' '), "02-Jan-2006 15:04 ")
	return append(c.appendSize(b, e), "\r\n"...)
}

// shorten returns the first n bytes of a name, or characters.
func shorten(name string, n int, characters bool) string {
	if !characters {
		return name[:n]
	}
	for i := range name {
		if n == 0 {
			return name[:i]
		}
		n--
	}
	return name
}

func (c *autoindexConf) appendSize(b []byte, e *entry) []byte {
	switch {
	case c.exact && e.dir:
		return fmt.Appendf(b, "%19s", "-")
	case c.exact:
		return fmt.Appendf(b, "%19d", e.size)
	case e.dir:
		return fmt.Appendf(b, "%7s", "-")
	}
	const kilo, mega, giga = 1 << 10, 1 << 20, 1 << 30
	switch {
	case e.size >= giga:
		return fmt.Appendf(b, "%6dG", rounded(e.size, giga))
	case e.size >= mega:
		return fmt.Appendf(b, "%6dM", rounded(e.size, mega))
	case e.size > 9999:
		return fmt.Appendf(b, "%6dK", rounded(e.size, kilo))
	}
	return fmt.Appendf(b, " %6d", e.size)
}

// rounded is a size in units, half of one counting as one.
func rounded(size, unit int64) int64 { return (size + unit/2) / unit }

// appendXML appends the list as XML.
func appendXML(b []byte, entries []entry) []byte {
	b = append(b, "<?xml version=\"1.0\"?>\r\n<list>\r\n"...)
	for i := range entries {
		e := &entries[i]
		b = append(append(append(b, '<'), e.kind()...), " mtime=\""...)
		b = e.modified.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
		if e.file {
			b = strconv.AppendInt(append(b, "\" size=\""...), e.size, 10)
		}
		b = append(append(b, "\">"...), escapesHTML.Replace(e.name)...)
		b = append(append(append(b, "</"...), e.kind()...), ">\r\n"...)
	}
	return append(b, "</list>\r\n"...)
}

// appendJSON appends the list as JSON, as the argument of a call if there is a callback.
func appendJSON(b []byte, entries []entry, callback []byte) []byte {
	if len(callback) > 0 {
		b = append(append(append(b, "/* callback */\r\n"...), callback...), '(')
	}
	b = append(b, '[')
	for i := range entries {
		e := &entries[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONText(append(b, "\r\n{ \"name\":\""...), e.name)
		b = append(append(append(b, "\", \"type\":\""...), e.kind()...), "\", \"mtime\":\""...)
		b = field.AppendDate(b, e.modified.Unix())
		b = append(b, '"')
		if e.file {
			b = strconv.AppendInt(append(b, ", \"size\":"...), e.size, 10)
		}
		b = append(b, " }"...)
	}
	b = append(b, "\r\n]"...)
	if len(callback) > 0 {
		b = append(b, ");"...)
	}
	return b
}

// appendJSONText appends a text as it stands between quotes in JSON. Bytes that are no UTF-8 stay as they are.
func appendJSONText(b []byte, s string) []byte {
	const short = "\n\r\t\b\f"
	for i := range len(s) {
		c := s[i]
		switch k := strings.IndexByte(short, c); {
		case c == '\\' || c == '"':
			b = append(b, '\\', c)
		case k >= 0:
			b = append(b, '\\', "nrtbf"[k])
		case c < 0x20:
			b = fmt.Appendf(b, "\\u%04X", c)
		default:
			b = append(b, c)
		}
	}
	return b
}

// kind is the word for what an entry is.
func (e *entry) kind() string {
	switch {
	case e.dir:
		return "directory"
	case e.file:
		return "file"
	}
	return "other"
}
