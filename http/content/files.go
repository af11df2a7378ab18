// Package content has the modules that answer requests here: static files, index, try_files.
//
// Three things stand between them and the disk. An opener (opener.go) opens and looks up files as
// open_file_cache and disable_symlinks say, and never lets a cold disk stop the loop. The memory
// (memory.go) holds the content of small hot files. The shelf (shelf.go) holds the descriptors of
// open_file_cache.
package content

import (
	"strconv"
	"strings"
	"time"

	"weir/conf"
	"weir/disk"
	"weir/http"
)

// staticConf says how files are opened in one location. The directives are nginx's http core ones, as far
// as only modules of this folder need them.
type staticConf struct {
	cache    cacheSize
	valid    time.Duration
	minUses  int
	errors   bool
	symlinks disk.LinkMode
	from     *http.Text // the part of a path in which links are not looked for

	opener *opener   // with these settings, once a location has asked for it
	serve  http.Step // of Static
}

// cacheSize is one open_file_cache directive. Its place tells directives apart: locations that inherit
// one share its cache.
type cacheSize struct {
	at       conf.Pos
	max      int // 0: there is none
	inactive time.Duration
}

const inLoc = conf.HTTP | conf.Server | conf.Location

func accessDirectives() []conf.Directive[staticConf] {
	return []conf.Directive[staticConf]{
		{
			Name: "open_file_cache", In: inLoc, Syntax: "! 1-2 off | max=<number> [inactive=<time>]", Default: "off",
			Doc: `Keeps files open, and remembers what is known of them, for as long as ` + "`open_file_cache_valid`" + ` says.

At most *max* are kept, the ones used least recently make room; what is not used for the time *inactive* (60 seconds) is closed.
Small hot files need no such cache in weir: they are in memory, and seen to be unchanged at each request.`,
			Example: "open_file_cache max=1000 inactive=20s;",
			Set:     setOpenFileCache,
		},
		{
			Name: "open_file_cache_valid", In: inLoc, Syntax: "<seconds>", Default: "60",
			Doc: "How long what `open_file_cache` knows of a file is taken to be so, before the disk is asked again.",
			Set: conf.Seconds(func(a *staticConf) *time.Duration { return &a.valid }),
		},
		{
			Name: "open_file_cache_min_uses", In: inLoc, Syntax: "<number>", Default: "1",
			Doc: "How often a file must be used within the time *inactive* of `open_file_cache` to be kept open.",
			Set: conf.Int(func(a *staticConf) *int { return &a.minUses }),
		},
		{
			Name: "open_file_cache_errors", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether `open_file_cache` also remembers files that could not be opened.",
			Set: conf.Flag(func(a *staticConf) *bool { return &a.errors }),
		},
		{
			Name: "disable_symlinks", In: inLoc, Syntax: "! 1-2 off | on | if_not_owner [from=<part:text>]", Default: "off",
			Doc: `Says what is done with symbolic links in the path of a file.

**off** follows them; **on** refuses a path that has any; **if_not_owner** refuses links whose owner is not the owner of what they lead
to. With **from** the beginning of the path that is equal to *part* is not checked. Refused files are answered with 403.`,
			Example: "disable_symlinks on from=$document_root;",
			Set:     setDisableSymlinks,
		},
		{
			Name: "directio", In: inLoc, Syntax: "<size:string> | off", Default: "off", Support: conf.Ignored,
			Doc: "files that are too large for the page cache are a matter of the kernel's read-ahead.",
			Set: func(_ *staticConf, call *conf.Call) error {
				if _, err := conf.ParseOffset(call.Arg(0)); err != nil && call.Arg(0) != "off" {
					return call.Invalid(0, "invalid value")
				}
				return nil
			},
		},
		{
			Name: "directio_alignment", In: inLoc, Syntax: "<size:offset>", Default: "512", Support: conf.Ignored,
			Doc: "it serves `directio`, which weir does not use.",
		},
		{
			Name: "read_ahead", In: inLoc, Syntax: "<size>", Default: "0", Support: conf.Ignored,
			Doc: "the kernel finds out by itself that files are read in order.",
		},
		{
			Name: "aio", In: inLoc, Syntax: "! 1 on | off | threads[=<pool:string>]", Default: "off", Support: conf.Ignored,
			Doc: "what is not in memory is always read apart from the loops.",
			Set: setAIO,
		},
		{
			Name: "aio_write", In: inLoc, Syntax: "on | off", Default: "off", Support: conf.Ignored,
			Doc: "what may wait for a disk never runs on the loops.",
		},
		{
			Name: "output_buffers", In: inLoc, Syntax: "<number> <size>", Default: "2 32k", Support: conf.Ignored,
			Doc: "weir takes buffers of a loop as it needs them.",
			Set: conf.CheckBuffers[staticConf](),
		},
	}
}

func setOpenFileCache(a *staticConf, call *conf.Call) (err error) {
	c := cacheSize{at: call.Node.Pos(), inactive: 60 * time.Second}
	off := false
	for i := range call.Len() {
		word := call.Arg(i)
		key, value, _ := strings.Cut(word, "=")
		switch {
		case word == "off":
			off = true
		case key == "max":
			c.max, err = conf.ParseInt(value)
			if c.max <= 0 {
				err = strconv.ErrRange
			}
		case key == "inactive":
			c.inactive, err = conf.ParseSeconds(value)
		default:
			err = strconv.ErrSyntax
		}
		if err != nil {
			return call.Errorf(i, "invalid \"open_file_cache\" parameter \"%s\"", word)
		}
	}
	switch {
	case off:
		c = cacheSize{}
	case c.max == 0:
		return call.Errorf(-1, "\"open_file_cache\" must have the \"max\" parameter")
	}
	a.cache = c
	return nil
}

func setDisableSymlinks(a *staticConf, call *conf.Call) (err error) {
	mode, from := -1, -1
	for i := range call.Len() {
		word := call.Arg(i)
		switch place := strings.HasPrefix(word, "from="); {
		case !place && word != "off" && word != "on" && word != "if_not_owner":
			return call.Errorf(i, "invalid parameter \"%s\"", word)
		case place && from >= 0, !place && mode >= 0:
			return call.Errorf(i, "duplicate parameters \"%s %s\"", call.Arg(0), word)
		case place:
			from = i
		default:
			mode = i
		}
	}
	if mode < 0 {
		return call.Errorf(-1, "\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter")
	}
	modes := map[string]disk.LinkMode{"off": disk.LinksAllowed, "on": disk.LinksRefused, "if_not_owner": disk.LinksOfOwner}
	a.symlinks, a.from = modes[call.Arg(mode)], nil
	if from < 0 {
		return nil
	}
	if a.symlinks == disk.LinksAllowed {
		return call.Errorf(from, "\"from=\" cannot be used with \"off\" parameter")
	}
	a.from, err = http.CompileText(call, from, strings.TrimPrefix(call.Arg(from), "from="))
	return err
}

func setAIO(_ *staticConf, call *conf.Call) error {
	pool, named := strings.CutPrefix(call.Arg(0), "threads=")
	switch word := call.Arg(0); {
	case word == "threads", word == "on", word == "off", named && pool == "default":
		return nil
	case named && strings.Contains(pool, "$"):
		_, err := http.CompileText(call, 0, pool)
		return err
	case !named:
		return call.Invalid(0, "invalid value")
	}
	for _, n := range call.Tree().Main.All("thread_pool") {
		if len(n.Args()) > 0 && n.Args()[0].Text == pool {
			return nil
		}
	}
	return call.Errorf(0, "unknown thread pool \"%s\"", pool)
}
