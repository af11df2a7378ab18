package core

import (
	"bytes"
	"strconv"

	"weir/http"
	"weir/http/field"
	"weir/http/url"
)

// answer answers with a status: by error_page where one is set for it, else with weir's own
// page. It is what nginx calls a special response (http.Location).
func (c *coreConf) answer(r *http.Request, status int) http.Verdict {
	r.ErrStatus = status
	if r.Debugs() {
		r.Debugf("http special response: %d, \"%s?%s\"", status, r.URI, r.Args)
	}
	switch status {
	case 400, 413, 414, 494, 495, 496, 497, 500, 501:
		r.KeepAlive = false
	}
	r.Out.ContentType = nil
	if !r.NoErrorPages && len(c.errorPages) > 0 && r.Redirects <= http.MaxRedirects {
		for i := range c.errorPages {
			if c.errorPages[i].status == status {
				r.NoErrorPages = !c.recursive
				return c.errorPage(r, &c.errorPages[i])
			}
		}
	}
	discardQuietly(r)
	return c.ownPage(r, status)
}

// discardQuietly gives up a body that the client may not even have begun to send: it is not asked for.
func discardQuietly(r *http.Request) {
	r.Body.Expect = false
	r.Wire.NoContinue()
	if r.DiscardBody() != http.Next {
		r.KeepAlive = false
	}
}

// errorPage leads the request to what error_page names.
func (c *coreConf) errorPage(r *http.Request, p *errorPage) http.Verdict {
	if p.overwrite >= 0 {
		r.ErrStatus = p.overwrite
	}
	uri := r.Text(p.uri)
	r.ErrorPage = true
	switch {
	case len(uri) > 0 && uri[0] == '/':
		path, args, _ := bytes.Cut(uri, []byte("?"))
		if r.Method != http.HEAD {
			r.Method, r.MethodName = http.GET, []byte("GET")
		}
		return r.InternalRedirect(path, args)
	case len(uri) > 0 && uri[0] == '@':
		return r.JumpTo(uri)
	}
	switch p.overwrite {
	case 301, 302, 303, 307, 308:
	default:
		r.ErrStatus = 302
	}
	discardQuietly(r)
	r.Out.DropField(field.Location)
	r.Out.Location, r.Out.EmptyLocation = uri, len(uri) == 0
	return c.ownPage(r, r.ErrStatus)
}

// ownPage sends weir's own page for a status.
func (c *coreConf) ownPage(r *http.Request, status int) http.Verdict {
	o := &r.Out
	shown := shownStatus(status)
	if r.ErrStatus == status {
		r.ErrStatus = shown
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
		return finishOwn(r, nil)
	}
	if c.msieRefresh && (shown == 301 || shown == 302) && field.IsMSIE(r.In.Get(field.UserAgent)) && len(o.Location) > 0 {
		return refreshPage(r)
	}
	page := c.buildPage(r, status, shown)
	o.ContentLength = int64(len(page))
	o.ContentType = textHTML
	return finishOwn(r, page)
}

func finishOwn(r *http.Request, page []byte) http.Verdict {
	v := r.SendHead()
	if v != http.Next {
		if v >= 300 && !r.Out.Sent {
			r.Out.Cut = true
			r.KeepAlive = false
			return http.Done
		}
		return http.Done
	}
	return r.SendText(page)
}

// buildPage writes the page of a status in memory of the request.
func (c *coreConf) buildPage(r *http.Request, status, shown int) []byte {
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
	b = append(b, c.Signature...)
	b = append(b, "</center>\r\n</body>\r\n</html>\r\n"...)
	if c.msiePadding && shown >= 400 && r.Version >= http.HTTP10 && isPadded(r.In.Get(field.UserAgent)) {
		for range 6 {
			b = append(b, "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"...)
		}
	}
	return b
}

// refreshPage sends MSIE a page that goes to the location by itself (msie_refresh).
func refreshPage(r *http.Request) http.Verdict {
	o := &r.Out
	to := url.AppendEscaped(r.Alloc(3 * len(o.Location))[:0], o.Location, url.EscapeRefresh)
	page := r.Concat([]byte("<html><head><meta http-equiv=\"Refresh\" content=\"0; URL="), to, []byte("\"></head><body></body></html>\r\n"))
	o.Location = nil
	o.Status, r.ErrStatus = 200, 0
	o.ContentType = textHTML
	o.ContentLength = int64(len(page))
	return finishOwn(r, page)
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
	if reason := http.Reason(status); reason != "" && status >= 300 && status != 304 {
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

var textHTML = []byte("text/html")
