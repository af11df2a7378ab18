package core

import (
	"strings"

	"weir/conf"
	"weir/http"
)

// An errorPage is one status of an error_page directive.
type errorPage struct {
	status    int
	overwrite int // -1: keep the status; 0: the status of what answers; else this one
	uri       *http.Text
}

func errorDirectives() []conf.Directive[coreConf] {
	return []conf.Directive[coreConf]{
		{
			Name: "error_page", In: inLocIf, Syntax: "! 2- <code> ... [=[<response>]] <uri>", Repeat: true,
			Doc: `Says what answers in place of weir's own page when a request ends with one of these statuses.

Arguments: *code* … [=[*response*]] *uri*. The *uri* is an internal path, a named location ("@name") or an address that the client is
redirected to. "=" alone takes the status from what answers; "=200" sets it.`,
			Example: "error_page 500 502 503 504 /50x.html;",
			Set:     addErrorPage,
		},
		{
			Name: "recursive_error_pages", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether `error_page` also holds for errors of an error page.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.recursive }),
		},
		{
			Name: "absolute_redirect", In: inLoc, Syntax: "on | off", Default: "on",
			Doc: "Whether redirects of weir's own carry scheme and host.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.AbsoluteRedirect }),
		},
		{
			Name: "server_name_in_redirect", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether redirects of weir's own carry the first server_name instead of the Host of the request.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.NameInRedirect }),
		},
		{
			Name: "port_in_redirect", In: inLoc, Syntax: "on | off", Default: "on",
			Doc: "Whether redirects of weir's own carry the port, when it is not the scheme's.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.PortInRedirect }),
		},
		{
			Name: "msie_padding", In: inLoc, Syntax: "on | off", Default: "on",
			Doc: "Whether error pages for MSIE are padded to 512 bytes, which it asks for before it shows them.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.msiePadding }),
		},
		{
			Name: "msie_refresh", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether MSIE gets a page that refreshes itself instead of a redirect.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.msieRefresh }),
		},
		{
			Name: "log_not_found", In: inLoc, Syntax: "on | off", Default: "on",
			Doc: "Whether files that are not found are logged.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.LogNotFound }),
		},
		{
			Name: "log_subrequest", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether subrequests are written to the access log.",
			Set: conf.Flag(func(c *coreConf) *bool { return &c.LogSubrequest }),
		},
	}
}

// addErrorPage reads "code … [=[response]] uri".
func addErrorPage(c *coreConf, call *conf.Call) error {
	n := call.Len()
	uri, err := http.CompileText(call, n-1, call.Arg(n-1))
	if err != nil {
		return err
	}
	codes, overwrite := n-1, -1
	if word := call.Arg(n - 2); strings.HasPrefix(word, "=") {
		if n == 2 {
			return call.Errorf(0, "invalid value \"%s\"", word)
		}
		codes--
		overwrite = 0
		if len(word) > 1 {
			if overwrite, err = conf.ParseInt(word[1:]); err != nil {
				return call.Errorf(n-2, "invalid value \"%s\"", word)
			}
		}
	}
	for i := range codes {
		code, err := conf.ParseInt(call.Arg(i))
		if err != nil {
			return call.Errorf(i, "invalid value \"%s\"", call.Arg(i))
		}
		if code == 499 {
			return call.Errorf(i, "invalid value \"%s\"", call.Arg(i))
		}
		if code < 300 || code > 599 {
			return call.Errorf(i, "value \"%s\" must be between 300 and 599", call.Arg(i))
		}
		c.ErrorPages = append(c.ErrorPages, code)
		c.errorPages = append(c.errorPages, errorPage{status: code, overwrite: overwrite, uri: uri})
	}
	return nil
}
