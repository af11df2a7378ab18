// Package content has the modules that answer requests here: static files, index, try_files.
//
// Three things stand between them and the disk. An opener (opener.go) opens and looks up files as
// open_file_cache and disable_symlinks say, and never lets a cold disk stop the loop. The memory
// (memory.go) holds the content of small hot files. The shelf (shelf.go) holds the descriptors of
// open_file_cache.
package content

import (
	"time"

	"weir/conf"
	"weir/http"
)

// access says how files are opened in one location. The directives are nginx's http core ones, as far
// as only modules of this folder need them.
type access struct {
	cache    cacheSize
	valid    time.Duration
	minUses  int
	errors   bool
	symlinks symlinkMode
	from     *http.Text // the part of a path in which links are not looked for

	unused struct { // of directives that weir has no need of
		size int64
		flag bool
	}
}

// cacheSize is one open_file_cache directive. The node tells directives apart: locations that inherit
// one share its cache.
type cacheSize struct {
	node     *conf.Node
	max      int
	inactive time.Duration
}

// symlinkMode is disable_symlinks.
type symlinkMode uint8

const (
	linksAllowed symlinkMode = iota
	linksRefused
	linksOfOwner // a link is followed when its owner owns what it leads to
)

const inLoc = conf.HTTP | conf.Server | conf.Location

func accessDirectives() []conf.Directive[access] {
	return []conf.Directive[access]{
		{
			Name: "open_file_cache", In: inLoc, Syntax: "off\nmax=<number> [inactive=<time>]", Default: "off",
			Doc: `Keeps files open, and remembers what is known of them, for as long as ` + "`open_file_cache_valid`" + ` says.

At most *max* are kept, the ones used least recently make room; what is not used for the time *inactive* (60 seconds) is closed.
Small hot files need no such cache in weir: they are in memory, and seen to be unchanged at each request.`,
			Example: "open_file_cache max=1000 inactive=20s;",
			Set:     setOpenFileCache,
		},
		{
			Name: "open_file_cache_valid", In: inLoc, Syntax: "<seconds>", Default: "60",
			Doc: "How long what `open_file_cache` knows of a file is taken to be so, before the disk is asked again.",
			Set: conf.Seconds(func(a *access) *time.Duration { return &a.valid }),
		},
		{
			Name: "open_file_cache_min_uses", In: inLoc, Syntax: "<number>", Default: "1",
			Doc: "How often a file must be used within the time *inactive* of `open_file_cache` to be kept open.",
			Set: conf.Int(func(a *access) *int { return &a.minUses }),
		},
		{
			Name: "open_file_cache_errors", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether `open_file_cache` also remembers files that could not be opened.",
			Set: conf.Flag(func(a *access) *bool { return &a.errors }),
		},
		{
			Name: "disable_symlinks", In: inLoc, Syntax: "off\non | if_not_owner [from=<part:text>]", Default: "off",
			Doc: `Says what is done with symbolic links in the path of a file.

**off** follows them; **on** refuses a path that has any; **if_not_owner** refuses links whose owner is not the owner of what they lead
to. With **from** the beginning of the path that is equal to *part* is not checked. Refused files are answered with 403.`,
			Example: "disable_symlinks on from=$document_root;",
			Set:     setDisableSymlinks,
		},
		unused("directio", inLoc, "off\n<size>", "off", "files that are too large for the page cache are a matter of the kernel's read-ahead"),
		unusedSize("directio_alignment", "512", "it serves `directio`, which weir does not use"),
		unusedSize("read_ahead", "0", "the kernel finds out by itself that files are read in order"),
		unused("aio", inLoc, "on | off\nthreads[=<pool:string>]", "off", "what is not in memory is always read apart from the loops"),
		unused("aio_write", inLoc, "on | off", "off", "what may wait for a disk never runs on the loops"),
		unused("output_buffers", inLoc, "<number> <size>", "2 32k", "weir takes buffers of a loop as it needs them"),
	}
}

// unused is a directive that weir takes and has no need of.
func unused(name string, in conf.Context, syntax, def, why string) conf.Directive[access] {
	return conf.Directive[access]{
		Name: name, In: in, Syntax: syntax, Default: def, Support: conf.Ignored,
		Doc: "Accepted and ignored: " + why + ".",
		Set: conf.Ignore[access](),
	}
}

func unusedSize(name, def, why string) conf.Directive[access] {
	d := unused(name, inLoc, "<size>", def, why)
	d.Set = conf.Size(func(a *access) *int64 { return &a.unused.size })
	return d
}

func setOpenFileCache(a *access, call *conf.Call) error {
	a.cache = cacheSize{}
	if !call.Has("max") {
		return nil
	}
	a.cache = cacheSize{node: call.Node, max: call.Int("max"), inactive: 60 * time.Second}
	if call.Has("inactive") {
		a.cache.inactive = call.Time("inactive")
	}
	if a.cache.max <= 0 {
		return call.Errorf(call.Index("max"), "invalid \"open_file_cache\" parameter \"%s\"", call.Arg(call.Index("max")))
	}
	return nil
}

func setDisableSymlinks(a *access, call *conf.Call) (err error) {
	switch {
	case call.Has("on"):
		a.symlinks = linksRefused
	case call.Has("if_not_owner"):
		a.symlinks = linksOfOwner
	default:
		a.symlinks = linksAllowed
	}
	if from, ok := call.Key("from"); ok {
		a.from, err = http.CompileText(call, call.Index("from"), from.Text)
	}
	return err
}
