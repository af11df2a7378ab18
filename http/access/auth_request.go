package access

import (
	"errors"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/logs"
	"weir/vars"
)

// AuthRequest is nginx's auth_request module: another URI says who may ask.
var AuthRequest = http.Define(http.Spec[authRequestConf]{
	Name: "http_auth_request",
	Doc:  "Lets a subrequest decide who may ask: its status says so.",
	Directives: []conf.Directive[authRequestConf]{
		{
			Name: "auth_request", In: limitPlaces, Syntax: "<uri:string> | off", Default: "off",
			Doc: `Makes a request to this URI of the server first. If it is answered with a status of 200 to 299 the client may pass; with 401 or 403 it
is refused with that, and for 401 the client gets the subrequest's ` + "`WWW-Authenticate`" + `; any other status is an error. The subrequest has the
client's header fields but not its body, so ` + "`proxy_pass_request_body off`" + ` is of use where it is proxied.`,
			Example: "location /private/ { auth_request /auth; }\nlocation = /auth { internal; proxy_pass http://127.0.0.1:9000; proxy_pass_request_body off; proxy_set_header Content-Length \"\"; }",
			Set:     setAuthRequest,
		},
		{
			Name: "auth_request_set", In: limitPlaces, Syntax: "<variable:string> <value:text>", Repeat: true,
			Doc:     "Gives a variable a value when the subrequest has been answered; the *value* may have its variables, such as `$upstream_http_…`.",
			Example: "auth_request_set $user $upstream_http_x_user;",
			Set:     addAuthRequestSet,
			Declare: declareAuthRequestSet,
		},
	},
	Install: func(c *authRequestConf, in *http.Install) error {
		if c.uri != nil {
			in.Step(http.Access, c.run)
		}
		return nil
	},
})

// authRequestConf holds the settings of one block.
type authRequestConf struct {
	uri  []byte // nil: nobody is asked
	sets []authSet
}

type authSet struct {
	to    *vars.Ref[*http.Request]
	value *http.Text
}

func setAuthRequest(c *authRequestConf, call *conf.Call) error {
	if c.uri = []byte(call.Arg(0)); call.Arg(0) == "off" {
		c.uri = nil
	}
	return nil
}

// declareAuthRequestSet makes a name assignable.
func declareAuthRequestSet(call *conf.Call) error {
	name, err := vars.ParseName(call.Arg(0))
	if err != nil {
		return call.Errorf(0, "invalid variable name \"%s\"", call.Arg(0))
	}
	all := http.Env(call).Vars
	if all.Known(name) {
		_, err = all.DefineSet(name)
	} else {
		_, err = all.Define(name) // it may be read before, and is missing then
	}
	if err != nil {
		return call.Errorf(0, "%v", err)
	}
	return nil
}

func addAuthRequestSet(c *authRequestConf, call *conf.Call) error {
	name, err := vars.ParseName(call.Arg(0))
	if err != nil {
		return err
	}
	to := http.Env(call).Vars.Lookup(name)
	value, err := http.CompileText(call, 1, call.Arg(1))
	if err != nil {
		return err
	}
	c.sets = append(c.sets, authSet{to, value})
	return nil
}

// run asks the URI and does as its status says.
func (c *authRequestConf) run(r *http.Request) http.Verdict {
	if r.Debugs() {
		r.Debugf("auth request handler")
	}
	sub, err := r.Subrequest(c.uri, nil, http.SubrequestOptions{HeadOnly: true, NoBody: true})
	switch {
	case errors.Is(err, http.ErrSubrequest):
		return http.StatusInternal
	case err != nil:
		return http.Abort
	}
	status := sub.Out.Status
	if r.Debugs() {
		r.Debugf("auth request done s:%d", status)
	}
	for _, s := range c.sets {
		s.to.Set(r, r.Copy(sub.Text(s.value)))
	}
	switch {
	case status == 403:
		return http.StatusForbidden
	case status == 401:
		for _, f := range sub.Out.Fields {
			if f.ID == field.WWWAuthenticate {
				r.Out.AddField(f.ID, f.Name, f.Value)
			}
		}
		return 401
	case status >= 200 && status < 300:
		return http.Allowed
	}
	r.Logf(logs.Error, "auth request unexpected status: %d", status)
	return http.StatusInternal
}
