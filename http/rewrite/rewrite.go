// Package rewrite has the modules that change a request before it is answered: rewrite, set, if,
// return, map.
package rewrite

import (
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/url"
	"weir/logs"
	"weir/lookup"
	"weir/vars"
)

// Rewrite is nginx's rewrite module. Its directives run in the order they are written, in the server
// first and then in the location, until one of them ends the pass.
var Rewrite = http.Define(http.Spec[rewriteConf]{
	Name: "http_rewrite",
	Doc:  "Changes the URI by regular expressions, sets variables, answers at once, and decides by conditions.",
	Directives: []conf.Directive[rewriteConf]{
		{
			Name: "rewrite", In: everywhere, Group: "codes", Inherit: conf.Never, Repeat: true,
			Syntax: "<regex> <replacement:text> [last | break | redirect | permanent]",
			Doc: `Replaces the URI when it matches. *last* looks for a location anew, *break* stays in this one; *redirect* and *permanent* send the
client there (302, 301), as does a replacement that begins with http://, https:// or $scheme. Arguments are kept unless the replacement ends with "?".`,
			Example: "rewrite ^/users/(.*)$ /show?user=$1 last;",
			Set:     addRewrite,
			Declare: func(call *conf.Call) error { return http.DeclareCaptures(call, 0, call.Arg(0), false) },
		},
		{
			Name: "return", In: everywhere, Group: "codes", Inherit: conf.Never, Repeat: true,
			Syntax:  "<code:string> [<text>]",
			Doc:     "Ends the request with a status, a text, or a redirect. 444 closes the connection without an answer.",
			Example: "return 301 https://$host$request_uri;",
			Set:     addReturn,
		},
		lookup.SetDirective(everywhere, street, addSet),
		{
			Name: "break", In: everywhere, Group: "codes", Inherit: conf.Never, Repeat: true,
			Doc: "Ends the directives of this module for the pass.",
			Set: func(c *rewriteConf, _ *conf.Call) error { c.add(fixed(breakOff)); return nil },
		},
		ifDirective(conf.Server, conf.ServerIf),
		ifDirective(conf.Location, conf.LocationIf),
		{
			Name: "rewrite_log", In: conf.HTTP | everywhere, Syntax: "on | off", Default: "off",
			Doc: "Whether rewriting is logged at level notice.",
			Set: conf.Flag(func(c *rewriteConf) *bool { return &c.log }),
		},
		{
			Name: "uninitialized_variable_warn", In: conf.HTTP | everywhere, Syntax: "on | off", Default: "on",
			Doc: "Whether the use of variables that were not set is logged.",
			Set: conf.Flag(func(c *rewriteConf) *bool { return &c.warn }),
		},
	},
	Install: install,
})

const everywhere = conf.Server | conf.ServerIf | conf.Location | conf.LocationIf

func ifDirective(in, opens conf.Context) conf.Directive[rewriteConf] {
	return conf.Directive[rewriteConf]{
		Name: "if", In: in, Group: "codes", Inherit: conf.Never, Repeat: true, Opens: opens,
		Syntax: "! 1- (<condition>) { ... }",
		Doc: `Runs the directives of its block, and takes on its settings, when the condition holds: *$variable*; *$variable* = or != *text*;
*$variable* ~, ~*, !~ or !~* *regex*; -f, -d, -e, -x or their negations with a *path*.`,
		Example: "if ($request_method = POST) { return 405; }",
		Set:     addIf,
		Declare: declareIf,
	}
}

// A code is one directive at work. stop says that the pass ends here.
type code func(r *http.Request) (v http.Verdict, stop bool)

// rewriteConf holds the settings of one block: what its directives do, in order.
type rewriteConf struct {
	makers []maker
	log    bool
	warn   bool
}

// A maker makes the code of a directive for a block that is being installed.
type maker func(p *program, in *http.Install) (code, error)

func (c *rewriteConf) add(m maker) { c.makers = append(c.makers, m) }

func fixed(c code) maker { return func(*program, *http.Install) (code, error) { return c, nil } }

// A program is the codes of one block, ready to run.
type program struct {
	codes []code
	log   bool
}

func install(settings *rewriteConf, in *http.Install) error {
	if !settings.warn {
		in.Loc.QuietVars = true
	}
	if len(settings.makers) == 0 {
		return nil
	}
	p := &program{log: logsPass(in)}
	for _, m := range settings.makers {
		c, err := m(p, in)
		if err != nil {
			return err
		}
		p.codes = append(p.codes, c)
	}
	phase := http.Rewrite
	if in.InServer() {
		phase = http.ServerRewrite
	}
	if in.Block.Context&conf.Nameless != 0 {
		in.Step(phase, p.run)
	} else {
		in.Step(phase, p.begin)
	}
	return nil
}

// logsPass reports whether rewriting is logged in a block: in one of if as where the pass begins, whatever it says itself.
func logsPass(in *http.Install) bool {
	b := in.Block
	for b.Context&(conf.ServerIf|conf.LocationIf) != 0 && b.Parent != nil {
		b = b.Parent
	}
	return conf.Settings[rewriteConf](in.Builder.Scopes, in.Module.Conf, b).log
}

// begin begins the pass; the blocks of if are part of it.
func (p *program) begin(r *http.Request) http.Verdict {
	r.Rewrite.Quote = true
	return p.run(r)
}

// match holds a text against a pattern of the program. Unlike other patterns, one that does not match makes
// the request forget the captures it had.
func match(r *http.Request, p *vars.Pattern, slots []int, text []byte, log bool) (bool, error) {
	if r.Debugs() {
		r.Debugf("http script regex: \"%s\"", p.Source())
	}
	ok, err := r.MatchPattern(p, slots, text)
	if err != nil {
		return false, err
	}
	does := "matches"
	if !ok {
		r.SetCaptures(nil, nil)
		does = "does not match"
	}
	if log || r.Debugs() {
		r.Logf(logs.Notice, "\"%s\" %s \"%s\"", p.Source(), does, text)
	}
	return ok, nil
}

// run runs the codes until one ends the pass.
func (p *program) run(r *http.Request) http.Verdict {
	for _, c := range p.codes {
		v, stop := c(r)
		if v != http.Next {
			return v
		}
		if stop || r.Rewrite.Done {
			r.Rewrite.Done = true
			return http.Next
		}
	}
	return http.Next
}

func breakOff(r *http.Request) (http.Verdict, bool) {
	if r.Rewrite.Changed {
		r.Rewrite.Changed, r.Rewrite.Moved = false, true
	}
	return http.Next, true
}

func addSet(c *rewriteConf, set lookup.Assignment[*http.Request]) {
	c.add(fixed(func(r *http.Request) (http.Verdict, bool) {
		set.Assign(r, r.QuotedText(set.Value))
		return http.Next, false
	}))
}

func addReturn(c *rewriteConf, call *conf.Call) error {
	status, err := conf.ParseInt(call.Arg(0))
	var text *http.Text
	in := street(call)
	switch {
	case err != nil && call.Len() == 1 && isURL(call.Arg(0)):
		status = 302
		text, err = in.Text(call, 0)
	case err != nil || status > 999:
		return call.Errorf(0, "invalid return code \"%s\"", call.Arg(0))
	case call.Len() == 2:
		text, err = in.Text(call, 1)
	}
	if err != nil {
		return err
	}
	if status >= 400 && text.Empty() {
		c.add(fixed(func(*http.Request) (http.Verdict, bool) { return http.Verdict(status), true }))
		return nil
	}
	c.add(fixed(func(r *http.Request) (http.Verdict, bool) {
		if v := r.DiscardBody(); v != http.Next { // the text may ask for what was read of it
			return v, true
		}
		r.Out.Status = status // and for this
		return r.Respond(status, r.Text(text)), true
	}))
	return nil
}

// isURL reports whether a return or rewrite leads the client elsewhere.
func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "$scheme")
}

// A rule is one rewrite directive.
type rule struct {
	pattern *vars.Pattern
	slots   []int
	uri     *http.Text // replacement before its "?"
	args    *http.Text // after it; nil without one
	status  int        // of a redirect; 0 for a change of the URI
	last    bool
	stay    bool // break
	keep    bool // arguments of the request are appended
	log     bool
}

func addRewrite(c *rewriteConf, call *conf.Call) error {
	u := &rule{keep: true}
	if call.Arg(1) == "" {
		return call.Errorf(1, "empty replacement")
	}
	var err error
	if u.pattern, err = http.Env(call).Vars.Pattern(call.Arg(0), false); err != nil {
		return call.Errorf(0, "%v", err)
	}
	if u.slots, err = http.Env(call).Vars.DefineGroups(u.pattern); err != nil {
		return call.Errorf(0, "%v", err)
	}
	to := call.Arg(1)
	if isURL(to) {
		u.status, u.last = 302, true
	}
	if call.Len() > 2 {
		switch flag := call.Arg(2); flag {
		case "last":
			u.last = true
		case "break":
			u.stay = true
		case "redirect":
			u.status = 302
		case "permanent":
			u.status = 301
		default:
			return call.Errorf(2, "invalid parameter \"%s\"", flag)
		}
	}
	if strings.HasSuffix(to, "?") {
		u.keep = false
		to = to[:len(to)-1]
	}
	uri, args, hasArgs := strings.Cut(to, "?")
	if u.uri, err = http.CompileText(call, 1, uri); err != nil {
		return err
	}
	if hasArgs {
		if u.args, err = http.CompileText(call, 1, args); err != nil {
			return err
		}
	}
	c.add(func(p *program, _ *http.Install) (code, error) {
		mine := *u
		mine.log = p.log
		return mine.run, nil
	})
	return nil
}

// run applies the rule to the URI.
func (u *rule) run(r *http.Request) (http.Verdict, bool) {
	ok, err := match(r, u.pattern, u.slots, r.URI, u.log)
	if err != nil {
		r.LogErr(logs.Error, nil, "regex \""+u.pattern.Source()+"\" failed on \""+string(r.URI)+"\": "+err.Error())
		return http.StatusInternal, true
	}
	if !ok {
		return http.Next, false
	}
	r.Rewrite.Quote = false
	if u.status != 0 {
		return u.redirect(r)
	}
	return u.change(r)
}

// change replaces URI and arguments.
func (u *rule) change(r *http.Request) (http.Verdict, bool) {
	uri := r.Copy(r.Text(u.uri)) // not nil, even when it is empty
	args := r.Args
	if u.args != nil {
		args = u.newArgs(r)
	} else if !u.keep {
		args = args[:0]
	}
	if u.log || r.Debugs() {
		r.Logf(logs.Notice, "rewritten data: \"%s\", args: \"%s\"", uri, args)
	}
	r.Internal = true
	r.Rewrite.Changed = !u.stay
	r.Rewrite.Moved = r.Rewrite.Moved || u.stay
	r.Args = args
	r.SetURI(uri)
	if len(uri) == 0 {
		r.Log(logs.Error, "the rewritten URI has a zero length")
		return http.StatusInternal, true
	}
	return http.Next, u.last || u.stay
}

// newArgs evaluates the arguments of the replacement and appends the request's own.
func (u *rule) newArgs(r *http.Request) []byte {
	args := r.EscapedText(u.args)
	if u.keep && len(r.Args) > 0 {
		return r.Concat(args, []byte("&"), r.Args)
	}
	return r.Copy(args)
}

// redirect sends the client to the replacement.
func (u *rule) redirect(r *http.Request) (http.Verdict, bool) {
	to := url.UnescapeRedirect(r.Copy(r.EscapedText(u.uri)))
	switch {
	case u.args != nil:
		to = r.Concat(to, []byte("?"), u.newArgs(r))
	case u.keep && len(r.Args) > 0:
		to = r.Concat(to, []byte("?"), r.Args)
	}
	if u.log || r.Debugs() {
		r.Logf(logs.Notice, "rewritten redirect: \"%s\"", to)
	}
	r.Out.Location, r.Out.EmptyLocation = to, len(to) == 0
	return http.Verdict(u.status), true
}
