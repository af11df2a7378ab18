package access

import (
	"errors"
	"io/fs"
	"path/filepath"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/logs"
	"weir/loop"
)

// AuthBasic is nginx's auth_basic module: who may ask at all, by name and password.
var AuthBasic = http.Define(http.Spec[authBasicConf]{
	Name: "http_auth_basic",
	Doc:  "Asks for a user name and a password (HTTP Basic authentication).",
	Directives: []conf.Directive[authBasicConf]{
		{
			Name: "auth_basic", In: places, Syntax: "<realm:text> | off", Default: "off",
			Doc: `Asks clients for a user name and a password, which ` + "`auth_basic_user_file`" + ` must have. The *realm* is what they are shown. **off** asks for
none, where a block around asks for one.`,
			Example: "auth_basic \"staff only\";\nauth_basic_user_file conf/htpasswd;",
			Set:     http.TextSlot(func(c *authBasicConf) **http.Text { return &c.realm }),
		},
		{
			Name: "auth_basic_user_file", In: places, Syntax: "<file:text>",
			Doc: `The file of users: lines of *name*:*hash*, with a comment after another colon if need be; "#" begins a comment line. A relative path is
in the folder of nginx.conf. The file is read when it has changed.

Hashes may be bcrypt ("$2y$", from ` + "`htpasswd -B`" + `), crypt with SHA-512, SHA-256, MD5 ("$6$", "$5$", "$1$", from ` + "`openssl passwd`" + `) or DES, "$apr1$"
(from ` + "`htpasswd`" + `), and "{SHA}", "{SSHA}" and "{PLAIN}", which are only for passwords that are no secrets. They are worked out apart from the loops.`,
			Example: "auth_basic_user_file conf/htpasswd;",
			Set:     http.TextSlot(func(c *authBasicConf) **http.Text { return &c.file }),
		},
	},
	Install: func(c *authBasicConf, in *http.Install) error {
		if c.file == nil {
			return nil
		}
		if realm, constant := c.realm.Const(); constant && realm == "off" {
			return nil
		}
		a := &passwords{realm: c.realm, file: c.file, folder: in.Builder.Tree.ConfPrefix, files: http.Of[userFiles](in.Builder)}
		a.files.begin(in.Builder.Loops)
		in.Step(http.Access, a.run)
		return nil
	},
})

// authBasicConf holds the settings of one block.
type authBasicConf struct{ realm, file *http.Text }

// passwords asks for passwords in one location.
type passwords struct {
	realm, file *http.Text
	folder      string // of nginx.conf, with its final slash
	files       *userFiles
}

// run lets those pass whose name and password are in the file.
func (a *passwords) run(r *http.Request) http.Verdict {
	realm := r.Text(a.realm)
	if string(realm) == "off" {
		return http.Next
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		r.Log(logs.Info, "no user/password was provided for basic authentication")
		return ask(r, realm)
	}
	path := string(r.Text(a.file))
	if !filepath.IsAbs(path) {
		path = a.folder + path
	}
	c := &check{path: path, user: string(user), password: string(cutNUL(password)), files: a.files}
	r.Task.Await(c.find)
	if c.slow {
		if v := c.await(r); v != http.Next {
			return v
		}
	}
	return c.answer(r, realm)
}

// answer says what has come of a check.
func (c *check) answer(r *http.Request, realm []byte) http.Verdict {
	switch {
	case c.err != nil && c.opened:
		r.LogErr(logs.Crit, c.err, "read() \""+c.path+"\" failed")
		return http.StatusInternal
	case errors.Is(c.err, fs.ErrNotExist):
		r.LogErr(logs.Error, c.err, "open() \""+c.path+"\" failed")
		return http.StatusForbidden
	case c.err != nil:
		r.LogErr(logs.Crit, c.err, "open() \""+c.path+"\" failed")
		return http.StatusInternal
	case c.found == nil:
		r.Logf(logs.Error, "user \"%s\" was not found in \"%s\"", c.user, c.path)
		return ask(r, realm)
	case c.unfit != nil:
		r.Logf(logs.Crit, "the hash of user \"%s\" in \"%s\" cannot be used: %v", c.user, c.path, c.unfit)
		return http.StatusInternal
	case c.matches:
		return http.Allowed
	}
	r.Logf(logs.Error, "user \"%s\": password mismatch", c.user)
	return ask(r, realm)
}

// ask asks the client for a password.
func ask(r *http.Request, realm []byte) http.Verdict {
	value := r.Concat([]byte("Basic realm=\""), realm, []byte("\""))
	if r.Method == http.CONNECT {
		r.Out.AddField(field.ProxyAuthenticate, field.ProxyAuthenticate.Bytes(), value)
		return 407
	}
	r.Out.AddField(field.WWWAuthenticate, field.WWWAuthenticate.Bytes(), value)
	return 401
}

// await has a hash that takes long worked out by another goroutine, and waits for it as long as the client does. If that is not to
// the end, the check is the goroutine's.
func (c *check) await(r *http.Request) http.Verdict {
	w := loop.Wait{A: r.Wire.Source(), AWant: loop.Hup, Signal: &c.done}
	go c.hash()
	err := r.Task.Poll(&w)
	if c.left.Store(!w.Fired); err != nil {
		return http.Abort
	}
	if !w.Fired {
		r.Log(logs.Info, "client prematurely closed connection")
		return http.StatusClientClosed
	}
	return http.Next
}

// cutNUL cuts a text where C would end it.
func cutNUL(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}
