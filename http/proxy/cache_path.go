package proxy

import (
	"fmt"
	"strings"
	"time"

	"weir/cache"
	"weir/conf"
	"weir/load"
)

// caches are the caches of a configuration by the prefix of the module that declares them, then by name.
type caches struct {
	byPrefix map[string]map[string]*cache.Cache
	folders  map[string]*conf.Node // whose they are
}

func cachesOf(call *conf.Call) *caches { return load.The[caches](load.Of(call)) }

func (s *caches) of(prefix string) map[string]*cache.Cache {
	if s.byPrefix == nil {
		s.byPrefix = map[string]map[string]*cache.Cache{}
		s.folders = map[string]*conf.Node{}
	}
	if s.byPrefix[prefix] == nil {
		s.byPrefix[prefix] = map[string]*cache.Cache{}
	}
	return s.byPrefix[prefix]
}

// find finds the cache that a directive names.
func (s *caches) find(call *conf.Call, prefix, name string) (*cache.Cache, error) {
	if c := s.of(prefix)[name]; c != nil {
		return c, nil
	}
	if z := load.Of(call).Zones.Find(name); z != nil {
		return nil, call.Errorf(0, "the shared memory zone \"%s\" is already declared for a different use", name)
	}
	env := load.Of(call)
	if env.InDoubt(func(word string) bool { return strings.HasPrefix(word, "keys_zone="+name+":") }) {
		return nil, nil
	}
	var known []string
	for n := range s.of(prefix) {
		known = append(known, n)
	}
	return nil, call.Errorf(0, "\"%scache\" zone \"%s\" is unknown", prefix, name).Among(name, known)
}

// cachePathDirective is proxy_cache_path and its kin.
func cachePathDirective[C any](prefix string) conf.Directive[C] {
	return conf.Directive[C]{
		Name: "cache_path", In: conf.HTTP, Repeat: true,
		Syntax: "! 2- <path> [levels=<levels>] [use_temp_path=on|off] keys_zone=<name>:<size> [inactive=<time>] [max_size=<size>] [min_free=<size>] " +
			"[manager_files=<number>] [manager_sleep=<time>] [manager_threshold=<time>] " +
			"[loader_files=<number>] [loader_sleep=<time>] [loader_threshold=<time>] [memory=<size>]",
		Doc: `Declares a cache: a folder of files, and a zone that knows their keys, about 8000 in a megabyte. A folder of nginx can be used as it is.

- **levels**: the folders below *path*, each with 1 or 2 characters of the key: **levels=1:2**.
- **use_temp_path**: whether files are written in the folder of ` + "`" + prefix + "temp_path`" + ` and then moved; **off** writes them in the cache's own folder, which saves a copy where that is another file system.
- **inactive**: what nobody has asked for in this time is dropped, fresh or not; 10 minutes if it is not set.
- **max_size**, **min_free**: the oldest are dropped when the files are larger than this together, or the file system has less room than that.
- **manager_…**: what the cache manager drops at a time: 100 files, for at most 200 milliseconds, then a pause of 50.
- **loader_…**: what the cache loader takes in at a time, when the server has started: likewise.
- **memory**: so much of the cache is kept in memory, besides on disk: what is asked for more than once, and not larger than an eighth of it. Such an answer makes no system call for files, so that a file removed by hand is not noticed; use ` + "`" + prefix + "cache_purge`" + `. Without this parameter weir keeps up to 8 megabytes in memory, and up to 256 large files open, but looks whether the file is still there and the same; with **memory=0** it keeps nothing. nginx has no such parameter.`,
		Example: "cache_path /var/cache/one levels=1:2 keys_zone=one:10m max_size=10g inactive=60m;",
		Declare: func(call *conf.Call) error { return declareCachePath(prefix, call) },
	}
}

func declareCachePath(prefix string, call *conf.Call) error {
	env := load.Of(call)
	c := cache.Conf{
		UseTempPath: true, Inactive: 10 * time.Minute, Memory: 8 << 20, Checked: true,
		Loader:  cache.Pace{Files: 100, Sleep: 50 * time.Millisecond, Threshold: 200 * time.Millisecond},
		Manager: cache.Pace{Files: 100, Sleep: 50 * time.Millisecond, Threshold: 200 * time.Millisecond},
	}
	c.Dir = strings.TrimSuffix(call.Arg(0), "/")
	if !strings.HasPrefix(c.Dir, "/") {
		c.Dir = env.Prefix + c.Dir
	}
	var size int64
	for i := 1; i < call.Len(); i++ {
		if err := readCacheWord(&c, &size, call, i); err != nil {
			return err
		}
	}
	if c.Name == "" || size == 0 {
		return call.Errorf(-1, "\"%s\" must have \"keys_zone\" parameter", call.Name())
	}
	all := cachesOf(call)
	mine := all.of(prefix)
	if first := all.folders[c.Dir]; first != nil {
		at := call.Tree().Position(first.End)
		return call.Errorf(0, "the same path name \"%s\" used in %s:%d and", c.Dir, at.File, at.Line)
	}
	z, err := env.Zones.Declare(c.Name, size, prefix+"cache")
	if err != nil {
		return call.Errorf(call.Index("keys_zone"), "%v", err)
	}
	if z.Declared != nil {
		return call.Errorf(call.Index("keys_zone"), "duplicate zone \"%s\"", c.Name)
	}
	one, err := cache.New(c, z)
	if err != nil {
		z.Declared = true
		env.Diags.Err(err)
		return nil
	}
	z.Declared = one
	mine[c.Name], all.folders[c.Dir] = one, call.Node
	env.Folder(c.Dir)
	env.AtEnd(func() error {
		one.Begin(env.ErrorLog(env.Tree.Main))
		return nil
	})
	env.Run("cache manager of "+c.Name, one.Manage)
	env.Run("cache loader of "+c.Name, one.Load)
	return nil
}

// readCacheWord reads one parameter of proxy_cache_path.
func readCacheWord(c *cache.Conf, size *int64, call *conf.Call, i int) (err error) {
	word := call.Arg(i)
	key, value, _ := strings.Cut(word, "=")
	switch key {
	case "levels":
		levels, ok := parseLevels(value)
		if !ok {
			return call.Errorf(i, "invalid \"levels\" \"%s\"", word)
		}
		c.Levels = levels
		return nil
	case "use_temp_path":
		if value != "on" && value != "off" {
			return call.Errorf(i, "invalid use_temp_path value \"%s\", it must be \"on\" or \"off\"", word)
		}
		c.UseTempPath = value == "on"
		return nil
	case "keys_zone":
		name, text, ok := strings.Cut(value, ":")
		*size, err = conf.ParseSize(text)
		if !ok || err != nil {
			return call.Errorf(i, "invalid keys zone size \"%s\"", word)
		}
		if c.Name = name; *size < 2*4096 {
			return call.Errorf(i, "keys zone \"%s\" is too small", name)
		}
		return nil
	case "inactive":
		c.Inactive, err = conf.ParseSeconds(value)
	case "max_size":
		c.MaxSize, err = conf.ParseOffset(value)
		c.MaxSize = max(c.MaxSize, 1)
	case "min_free":
		c.MinFree, err = conf.ParseOffset(value)
	case "memory":
		c.Memory, err = conf.ParseSize(value)
		c.Checked = false
	case "loader_files":
		c.Loader.Files, err = conf.ParseInt(value)
	case "loader_sleep":
		c.Loader.Sleep, err = conf.ParseTime(value)
	case "loader_threshold":
		c.Loader.Threshold, err = conf.ParseTime(value)
	case "manager_files":
		c.Manager.Files, err = conf.ParseInt(value)
	case "manager_sleep":
		c.Manager.Sleep, err = conf.ParseTime(value)
	case "manager_threshold":
		c.Manager.Threshold, err = conf.ParseTime(value)
	default:
		err = fmt.Errorf("unknown")
		key = ""
	}
	if err != nil && (key == "" || !strings.Contains(word, "=")) {
		return call.Errorf(i, "invalid parameter \"%s\"", word)
	}
	if err != nil {
		return call.Errorf(i, "invalid %s value \"%s\"", key, word)
	}
	return nil
}

// parseLevels reads "1:2:2".
func parseLevels(s string) (levels [3]int, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) > len(levels) {
		return levels, false
	}
	for i, p := range parts {
		if p != "1" && p != "2" {
			return levels, false
		}
		levels[i] = int(p[0] - '0')
	}
	return levels, true
}
