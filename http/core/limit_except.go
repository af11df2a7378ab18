package core

import (
	"strings"

	"weir/conf"
	"weir/http"
)

// methodNames are the words of limit_except.
func methodNames() map[string]http.Method {
	return map[string]http.Method{
		"GET": http.GET, "HEAD": http.HEAD, "POST": http.POST, "PUT": http.PUT, "DELETE": http.DELETE, "MKCOL": http.MKCOL, "COPY": http.COPY, "MOVE": http.MOVE,
		"OPTIONS": http.OPTIONS, "PROPFIND": http.PROPFIND, "PROPPATCH": http.PROPPATCH, "LOCK": http.LOCK, "UNLOCK": http.UNLOCK, "PATCH": http.PATCH,
	}
}

func limitExceptDirective() conf.Directive[coreConf] {
	return conf.Directive[coreConf]{
		Name: "limit_except", In: conf.Location, Syntax: "<method:string> ... { ... }", Opens: conf.LimitExcept, Inherit: conf.Never,
		Doc:     "Holds the settings of its block for requests with other methods than these. GET stands for HEAD as well.",
		Example: "limit_except GET { deny all; }",
		Set:     setLimitExcept,
	}
}

func setLimitExcept(c *coreConf, call *conf.Call) error {
	c.except, c.methods = call.Body(), 0
	names := methodNames()
	for i := range call.Len() {
		m, ok := names[strings.ToUpper(call.Arg(i))]
		if !ok {
			return call.Errorf(i, "invalid method \"%s\"", call.Arg(i))
		}
		c.methods |= m
	}
	if c.methods&http.GET != 0 {
		c.methods |= http.HEAD
	}
	return nil
}

// buildExcept builds the location of a limit_except block in the one around it.
func buildExcept(c *coreConf, in *http.Install) {
	if c.except == nil || in.Loc.Nameless {
		return
	}
	in.Loc.Methods, in.Loc.Except = c.methods, in.Builder.Nameless(in.Loc, c.except)
	in.Builder.AtEnd(func() error {
		c.except = nil // or the settings would keep all of the configuration's tree
		return nil
	})
}
