package content

import (
	"math/rand/v2"

	"weir/conf"
	"weir/disk"
	"weir/http"
)

// RandomIndex is nginx's random_index module: a folder is answered with any of its files.
var RandomIndex = http.Define(http.Spec[randomIndexConf]{
	Name: "http_random_index",
	Doc:  "Answers requests for folders with one of their files, at random.",
	Directives: []conf.Directive[randomIndexConf]{{
		Name: "random_index", In: conf.Location, Syntax: "on | off", Default: "off",
		Doc:     "Answers for a folder with one of its files, at random. It comes before `index`. Names that begin with a dot are left out.",
		Example: "location / { random_index on; }",
		Set:     conf.Flag(func(c *randomIndexConf) *bool { return &c.on }),
	}},
	Install: func(c *randomIndexConf, in *http.Install) error {
		if c.on {
			in.Step(http.Content, serveRandom)
		}
		return nil
	},
})

type randomIndexConf struct{ on bool }

func serveRandom(r *http.Request) http.Verdict {
	if n := len(r.URI); n == 0 || r.URI[n-1] != '/' || r.Method&(http.GET|http.HEAD|http.POST) == 0 {
		return http.Next
	}
	p, v := pathOf(r)
	if v != http.Next {
		return v
	}
	folder := p.Text()
	if len(folder) > 1 {
		folder = folder[:len(folder)-1]
	}
	d := draw{listing: listing{path: string(folder)}}
	r.Task.Await(d.read)
	if d.bad.Failed() {
		return d.refuse(r)
	}
	if d.name == "" {
		return http.Next
	}
	return r.InternalRedirect(r.Concat(r.URI, []byte(d.name)), r.Args)
}

// A draw chooses a file of a folder, apart from the loops.
type draw struct {
	listing
	name string
}

func (d *draw) read() {
	dir, err := disk.OpenFolderBlocking(d.path)
	if err != nil {
		d.fail("opendir()", d.path, err)
		return
	}
	defer dir.Close()
	for seen := 0; ; {
		names, err := dir.Readdirnames(512)
		for _, name := range names {
			if name[0] == '.' || !d.isFile(name) {
				continue
			}
			if seen++; rand.IntN(seen) == 0 { // each as likely as any other, and one is kept
				d.name = name
			}
		}
		if err != nil {
			return
		}
	}
}

func (d *draw) isFile(name string) bool {
	var i disk.Info
	return disk.StatBlocking(disk.PathOf([]byte(d.path+"/"+name)), &i) == nil && i.IsRegular()
}
