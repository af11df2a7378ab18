package http

import (
	"bytes"
	"strconv"

	"weir/http/field"
	"weir/http/url"
	"weir/logs"
)

// answerStatus answers with a status: by error_page where one is set for it, else with weir's own
// page. It is what nginx calls a special response.
func (r *Request) answerStatus(status int) Verdict {
	r.errStatus = status
	if r.debug {
		r.Debugf("http special response: %d, \"%s?%s\"", status, r.URI, r.Args)
	}
	switch status {
	case 400, 413, 414, 494, 495, 496, 497, 500, 501:
		r.KeepAlive = false
	}
	r.Out.ContentType = nil
	core := r.Loc.Core
	if !r.inErrorPage && len(core.ErrorPages) > 0 && r.redirects <= maxRedirects {
		for i := range core.ErrorPages {
			if core.ErrorPages[i].Status == status {
				r.inErrorPage = !core.Recursive
				return r.errorPage(&core.ErrorPages[i])
			}
		}
	}
	r.discardQuietly()
	return r.ownPage(status)
}

// discardQuietly gives up a body that the client may not even have begun to send: it is not asked for.
func (r *Request) discardQuietly() {
	r.Body.Expect = false
	r.Wire.NoContinue()
	if r.DiscardBody() != Next {
		r.KeepAlive = false
	}
}

// errorPage leads the request to what error_page names.
func (r *Request) errorPage(p *ErrorPage) Verdict {
	if p.Overwrite >= 0 {
		r.errStatus = p.Overwrite
	}
	uri := r.Text(p.URI)
	r.ErrorPage = true
	switch {
	case len(uri) > 0 && uri[0] == '/':
		path, args, _ := bytes.Cut(uri, []byte("?"))
		if r.Method != HEAD {
			r.Method, r.MethodName = GET, []byte("GET")
		}
		return r.InternalRedirect(path, args)
	case len(uri) > 0 && uri[0] == '@':
		return r.JumpTo(uri)
	}
	switch p.Overwrite {
	case 301, 302, 303, 307, 308:
	default:
		r.errStatus = 302
	}
	r.discardQuietly()
	r.Out.DropField(field.Location)
	r.Out.Location, r.Out.EmptyLocation = uri, len(uri) == 0
	return r.ownPage(r.errStatus)
}

// ownPage sends weir's own page for a status.
func (r *Request) ownPage(status int) Verdict {
	o := &r.Out
	shown := shownStatus(status)
	if r.errStatus == status {
		r.errStatus = shown
	}
	o.Status = shown
	o.Reason = nil
	o.LastModified = -1
	o.AllowRanges = false
	o.Charset = nil
	o.DropField(field.AcceptRanges)
	o.DropField(field.ETag)
	o.DropField(field.LastModified)
	o.Trailers = o.Trailers[:0]
	if pageTitle(status) == "" {
		o.ContentLength = 0
		if status == 204 {
			o.ContentLength = -1
		}
		return r.finishOwn(nil)
	}
	if r.Loc.Core.MSIERefresh && (shown == 301 || shown == 302) && isMSIE(r.In.Get(field.UserAgent)) && len(o.Location) > 0 {
		return r.refreshPage()
	}
	page := r.buildPage(status, shown)
	o.ContentLength = int64(len(page))
	o.ContentType = textHTML
	return r.finishOwn(page)
}

func (r *Request) finishOwn(page []byte) Verdict {
	v := r.SendHead()
	if v != Next {
		if v >= 300 && !r.Out.Sent {
			r.Out.Cut = true
			r.KeepAlive = false
			return Done
		}
		return Done
	}
	return r.SendAll([]Piece{Mem(page)})
}

// buildPage writes the page of a status in memory of the exchange.
func (r *Request) buildPage(status, shown int) []byte {
	title, detail := pageTitle(status), pageDetail(status)
	heading := title
	if detail != "" {
		heading = "400 Bad Request"
	}
	b := r.Alloc(1024)[:0]
	b = append(b, "<html>\r\n<head><title>"...)
	b = append(b, title...)
	b = append(b, "</title></head>\r\n<body>\r\n<center><h1>"...)
	b = append(b, heading...)
	b = append(b, "</h1></center>\r\n"...)
	if detail != "" {
		b = append(b, "<center>"...)
		b = append(b, detail...)
		b = append(b, "</center>\r\n"...)
	}
	b = append(b, "<hr><center>"...)
	b = append(b, r.Signature()...)
	b = append(b, "</center>\r\n</body>\r\n</html>\r\n"...)
	if r.Loc.Core.MSIEPadding && shown >= 400 && r.Version >= HTTP10 && isPadded(r.In.Get(field.UserAgent)) {
		for range 6 {
			b = append(b, "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"...)
		}
	}
	return b
}

// refreshPage sends MSIE a page that goes to the location by itself (msie_refresh).
func (r *Request) refreshPage() Verdict {
	o := &r.Out
	to := url.AppendEscaped(r.Alloc(3 * len(o.Location))[:0], o.Location, url.EscapeRefresh)
	page := r.Concat([]byte("<html><head><meta http-equiv=\"Refresh\" content=\"0; URL="), to, []byte("\"></head><body></body></html>\r\n"))
	o.Location = nil
	o.Status, r.errStatus = 200, 0
	o.ContentType = textHTML
	o.ContentLength = int64(len(page))
	return r.finishOwn(page)
}

// Signature is what weir calls itself in Server and on its pages, as server_tokens says.
func (r *Request) Signature() string {
	if r.Loc.Core.ServerTokens == TokensOff {
		return "weir"
	}
	return r.App.Signature
}

// shownStatus turns weir's own statuses into those that clients see.
func shownStatus(status int) int {
	switch status {
	case 494, 495, 496, 497:
		return 400
	}
	return status
}

// pageTitle is the status and reason on the page of a status; empty when it has no page.
func pageTitle(status int) string {
	switch status {
	case 302:
		return "302 Found"
	case 401:
		return "401 Authorization Required"
	case 494:
		return "400 Request Header Or Cookie Too Large"
	case 495:
		return "400 The SSL certificate error"
	case 496:
		return "400 No required SSL certificate was sent"
	case 497:
		return "400 The plain HTTP request was sent to HTTPS port"
	case 498: // nobody's, but nginx has a page for it
		return "404 Not Found"
	}
	if reason := Reason(status); reason != "" && status >= 300 && status != 304 {
		return strconv.Itoa(status) + " " + reason
	}
	return ""
}

// pageDetail is the second line on the page of some statuses.
func pageDetail(status int) string {
	switch status {
	case 495:
		return "The SSL certificate error"
	case 496:
		return "No required SSL certificate was sent"
	case 497:
		return "The plain HTTP request was sent to HTTPS port"
	case 494:
		return "Request Header Or Cookie Too Large"
	}
	return ""
}

// NotFound answers 404, or 403 for what may not be read, and logs why a file could not be opened.
func (r *Request) NotFound(op string, path []byte, err error, status int) Verdict {
	level := logs.Error
	if status == StatusInternal {
		level = logs.Crit
	}
	if status != StatusNotFound || r.Loc.Core.LogNotFound {
		r.LogErr(level, err, op+" \""+string(path)+"\" failed")
	}
	return Verdict(status)
}

var textHTML = []byte("text/html")
