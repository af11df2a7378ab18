package http

import (
	"strings"

	"weir/conf"
)

// limitExcept is a limit_except block: what holds for methods that it does not name.
type limitExcept struct {
	allowed Method
	block   *conf.Block
	loc     *Location // built with the location around
}

// methodNames are the words of limit_except.
func methodNames() map[string]Method {
	return map[string]Method{
		"GET": GET, "HEAD": HEAD, "POST": POST, "PUT": PUT, "DELETE": DELETE, "MKCOL": MKCOL, "COPY": COPY, "MOVE": MOVE,
		"OPTIONS": OPTIONS, "PROPFIND": PROPFIND, "PROPPATCH": PROPPATCH, "LOCK": LOCK, "UNLOCK": UNLOCK, "PATCH": PATCH,
	}
}

func limitExceptDirective() conf.Directive[Core] {
	return conf.Directive[Core]{
		Name: "limit_except", In: conf.Location, Syntax: "<method:string> ... { ... }", Opens: conf.LimitExcept, Inherit: conf.Never,
		Doc:     "Holds the settings of its block for requests with other methods than these. GET stands for HEAD as well.",
		Example: "limit_except GET { deny all; }",
		Set:     setLimitExcept,
	}
}

func setLimitExcept(c *Core, call *conf.Call) error {
	e := &limitExcept{block: call.Body()}
	names := methodNames()
	for i := range call.Len() {
		m, ok := names[strings.ToUpper(call.Arg(i))]
		if !ok {
			return call.Errorf(i, "invalid method \"%s\"", call.Arg(i))
		}
		e.allowed |= m
	}
	if e.allowed&GET != 0 {
		e.allowed |= HEAD
	}
	c.except = e
	return nil
}

// buildExcept builds the location of a limit_except block in the one around it.
func (b *Builder) buildExcept(loc *Location) {
	e := loc.Core.except
	if e == nil || loc.Nameless {
		return
	}
	loc.except = &limitExcept{allowed: e.allowed, loc: b.Nameless(loc, e.block)}
	b.AtEnd(func() error {
		e.block = nil // or the settings would keep all of the configuration's tree
		return nil
	})
}
