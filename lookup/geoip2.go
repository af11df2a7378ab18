package lookup

import (
	"errors"
	"net/netip"
	"strings"

	"weir/conf"
	"weir/load"
	"weir/logs"
	"weir/vars"
)

// GeoIP2Directives are the well-known geoip2 module in the blocks of one front: variables from MaxMind's databases.
func GeoIP2Directives[R Subject[R]](in conf.Context, of func(*conf.Call) Street[R]) []conf.Directive[struct{}] {
	return []conf.Directive[struct{}]{
		{
			Name: "geoip2", In: in, Syntax: "<file:path> { ... }", Opens: conf.FreeForm, Repeat: true,
			Doc: `Makes variables of what a database in MaxMind's format has of the client's address. Each line is a variable, and the *path* to the value in
the record of the address: ` + "`$country country iso_code;`" + `. **default=***value* before the path is for addresses without one,
**source=***$variable* says whose address it is, if not the client's. After **metadata** a variable is the **build_epoch** of the database,
or the time of the **last_check** or **last_change**, in seconds since 1970.

The file is not copied into memory. **auto_reload** *time* looks at these intervals whether there is a newer one, which must have been moved into
its place, and which the user that weir runs as must be able to read.`,
			Example: "geoip2 /usr/share/GeoIP/GeoLite2-Country.mmdb {\n    auto_reload 1h;\n    $country default=ZZ country iso_code;\n    $country_name country names en;\n}",
			Declare: func(call *conf.Call) error { return declareGeoIP2(call, of(call)) },
		},
		{
			Name: "geoip2_proxy", In: in, Syntax: "<network:string>", Repeat: true,
			Doc:     "An address or network of proxies: for clients in it geoip2 takes the last address of `X-Forwarded-For`.",
			Example: "geoip2_proxy 192.0.2.0/24;",
			Declare: func(call *conf.Call) error {
				p, ok := network(call.Node, 0, call.Arg(0), load.Of(call).Diags)
				if !ok {
					return call.Errorf(0, "invalid network \"%s\"", call.Arg(0))
				}
				c := load.The[geoIP2[R]](load.Of(call))
				c.proxies.Add(p)
				return nil
			},
		},
		{
			Name: "geoip2_proxy_recursive", In: in, Syntax: "on | off", Default: "off",
			Doc: "Whether the last address of `X-Forwarded-For` that is not a proxy's is taken.",
			Declare: func(call *conf.Call) error {
				load.The[geoIP2[R]](load.Of(call)).proxies.recursive = strings.EqualFold(call.Arg(0), "on")
				return nil
			},
		},
	}
}

// geoIP2 is what the blocks of one front share.
type geoIP2[R Subject[R]] struct {
	proxies   proxies
	databases []*database
}

// A geoIP2Value is one variable.
type geoIP2Value[R Subject[R]] struct {
	street   Street[R]
	database *database
	source   *vars.Text[R] // nil: the client's address
	path     []string
	fallback []byte // nil: none
	proxies  *proxies
}

func declareGeoIP2[R Subject[R]](call *conf.Call, in Street[R]) error {
	env := load.Of(call)
	all := load.The[geoIP2[R]](env)
	path := call.Path(call.Arg(0))
	for _, have := range all.databases {
		if have.path == path {
			return call.Errorf(0, "Duplicate GeoIP2 mmdb - %s", path)
		}
	}
	db := &database{path: path}
	all.databases = append(all.databases, db)
	var errs []error
	f, err := call.Tree().Outside().Open(path)
	if err != nil {
		errs = append(errs, call.Errorf(0, "MMDB_open(\"%s\") failed - Error opening the specified MaxMind DB file %s", path, logs.AppendErrno(nil, err)))
	} else if err = db.open(f); err != nil {
		errs = append(errs, call.Errorf(0, "MMDB_open(\"%s\") failed - %v", path, err))
	}
	for n := range call.Body().Lines() {
		switch {
		case strings.HasPrefix(n.Name(), "$"):
			errs = append(errs, declareGeoIP2Value(n, in, db, &all.proxies))
		case n.Name() == "auto_reload":
			errs = append(errs, db.setInterval(n))
		default:
			errs = append(errs, errorAt(n, -1, "invalid setting \"%s\"", n.Name()))
		}
	}
	if db.interval > 0 {
		env.AtEnd(func() error {
			log := env.ErrorLog(env.Tree.Main)
			env.Run("geoip2 "+path, func(j *load.Job) { db.watch(j, log) })
			return nil
		})
	}
	return errors.Join(errs...)
}

func (db *database) setInterval(n *conf.Node) error {
	if len(n.Words) != 2 {
		return errorAt(n, -1, "invalid number of arguments for auto_reload")
	}
	d, err := conf.ParseSeconds(n.Words[1].Text)
	if err != nil {
		return errorAt(n, 0, "invalid interval for auto_reload \"%s\"", n.Words[1].Text)
	}
	db.interval = d
	return nil
}

// declareGeoIP2Value reads the line of a variable.
func declareGeoIP2Value[R Subject[R]](n *conf.Node, in Street[R], db *database, p *proxies) error {
	name, err := vars.ParseName(n.Name())
	if err != nil {
		return errorAt(n, -1, "%v", err)
	}
	if len(n.Words) > 1 && n.Words[1].Text == "metadata" {
		return declareMetadata(n, in, db, name)
	}
	v := &geoIP2Value[R]{street: in, database: db, proxies: p}
	words := n.Words[1:]
	for i := range words {
		key, value, set := strings.Cut(words[i].Text, "=")
		switch {
		case !set:
			for _, w := range words[i:] {
				v.path = append(v.path, w.Text)
			}
			return in.Vars.DefineGet(name, false, v.find)
		case key == "default" && value != "":
			if v.fallback != nil {
				return errorAt(n, i, "default has already been declared for  \"$%s\"", name)
			}
			v.fallback = []byte(value)
		case key == "source" && value != "":
			if v.source != nil {
				return errorAt(n, i, "source has already been declared for  \"$%s\"", name)
			}
			if value[0] != '$' {
				return errorAt(n, i, "invalid source variable name \"%s\"", value)
			}
			if v.source, err = in.compile(conf.Spot{Node: n, Arg: i}, value); err != nil {
				return err
			}
		default:
			return errorAt(n, i, "invalid setting \"%s\" for \"$%s\"", words[i].Text, name)
		}
	}
	return in.Vars.DefineGet(name, false, v.find)
}

// declareMetadata makes a variable of what is known of a database.
func declareMetadata[R Subject[R]](n *conf.Node, in Street[R], db *database, name string) error {
	field := ""
	if len(n.Words) > 2 {
		field = n.Words[2].Text
	}
	get, ok := map[string]func() int64{
		"build_epoch": db.built, "last_check": db.checked.Load, "last_change": db.changed.Load,
	}[field]
	if !ok {
		return conf.Spot{Node: n, Arg: min(1, len(n.Words)-2)}.Errorf("invalid setting \"%s\" for \"$%s\"", field, name).
			Among(field, []string{"build_epoch", "last_check", "last_change"})
	}
	return in.Vars.DefineGet(name, false, func(R) vars.Value { return vars.Value{B: appendInt(nil, get())} })
}

// find looks the address up.
func (v *geoIP2Value[R]) find(r R) vars.Value {
	if a := v.of(r); a.IsValid() {
		if found, ok := v.database.find(a, v.path); ok {
			return vars.Value{B: found}
		}
	}
	if v.fallback != nil {
		return vars.Value{B: v.fallback}
	}
	return vars.Value{Missing: true}
}

// of is the address that the variable is about.
func (v *geoIP2Value[R]) of(r R) netip.Addr {
	if v.source != nil {
		a, _ := conf.ParseAddr(string(r.Text(v.source)))
		return a.Unmap()
	}
	a := r.ClientAddr()
	if !a.IsValid() {
		return a
	}
	return forwarded(&v.street, v.proxies, r, a.Unmap().WithZone(""))
}
