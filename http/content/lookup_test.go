package content_test

import (
	"os"
	"path/filepath"
	"testing"
)

// fill makes the folders and links that the tests of this file look up.
func (s *site) fill() {
	s.write("f", "file f")
	s.write("d/index.html", "index of d")
	s.write("d/second", "second of d")
	s.write("folder.index/index.html/x", "")
	s.write("none/x", "")
	s.write("own/f", "own f")
	for link, to := range map[string]string{"own/link": "f", "ownlink": "own", "own/dangling": "nowhere", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(s.www, link)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestIndex(t *testing.T) {
	s := newSite(t, `
		location /several/ { alias www/d/; index nope $arg_i second; }
		location /twice/ { alias www/d/; index nope; index second; }
		location /absolute/ { alias www/d/; index nope /f; }
		location /variable/ { alias www/d/; index nope /d/$arg_i; }
		location /moved/ { alias www/; rewrite ^ /d/ break; }
		location /redirected/ { alias www/d/; index second; location ~ second { return 202 "$uri $args"; } }`)
	s.fill()
	for range 2 {
		for target, want := range map[string]string{
			"/d/":                       "200 index of d",
			"/several/":                 "500", // an empty name leads to the folder again
			"/several/?i=index.html":    "200 index of d",
			"/twice/":                   "200 second of d",
			"/absolute/":                "200 file f",
			"/variable/?i=second":       "200 second of d",
			"/none/":                    "403",
			"/nope/":                    "404",
			"/f/":                       "404",
			"/loop/":                    "403",
			"/folder.index/":            "301",
			"/moved/x":                  "500",
			"/redirected/?a=b":          "202 /redirected/second a=b",
			"/redirected/none/?x=1":     "404",
			"/several/?i=../own/f":      "200 own f",
			"/several/?i=../own/secret": "200 second of d",
		} {
			s.expect(target, want)
		}
		for _, method := range []string{"POST", "PUT"} {
			if got := s.ask(method, "/d/"); got != "405" {
				t.Errorf("%s /d/: %q; want 405", method, got)
			}
		}
	}
	s.logged(`\[error\] .* directory index of ".*/www/none/" is forbidden`)
	s.logged(`\[error\] .* ".*/www/nope/index.html" is not found \(2: No such file or directory\)`)
}

func TestTryFiles(t *testing.T) {
	s := newSite(t, `
		location /uri/ { try_files $uri $uri/ /fallback?u=$uri&$args; }
		location /fallback { return 202 "$uri $args"; }
		location /first/ { try_files /nope /f =404; }
		location /folder/ { try_files /d =404; }
		location /folder2/ { try_files /f/ /d/ =404; }
		location /named/ { try_files $arg_f @named; }
		location /missing/ { try_files /nope @missing; }
		location /code/ { try_files /nope =410; }
		location /alias/ { alias www/; try_files $uri $uri/ =404; }
		location /stripped/ { alias www/; try_files $uri /stripped/fallback$arg_none; }
		location /constant/ { alias www/; try_files f =404; }
		location ~ ^/regex/(.*)$ { alias www; try_files /$1 /d/ =404; }
		location ~ ^/whole/(.*)$ { alias www/$1; }
		location /rewritten/ { alias www/; rewrite ^ /f break; try_files $uri =404; }
		location /nothing/ { try_files "" /f; }
		location @named { return 202 "named $uri $args"; }`)
	s.fill()
	for range 2 {
		for target, want := range map[string]string{
			"/uri/nope?a=b":      "202 /fallback u=/uri/nope&a=b",
			"/first/x":           "200 file f",
			"/folder/x":          "404",
			"/folder2/x":         "301",
			"/named/x?f=/f":      "200 file f",
			"/named/x?f=/d":      "202 named /named/x f=/d",
			"/missing/x":         "500",
			"/code/x":            "410",
			"/alias/f":           "200 file f",
			"/alias/d":           "301",
			"/alias/d/":          "200 index of d",
			"/alias/nope":        "404",
			"/stripped/f":        "200 file f",
			"/stripped/nope":     "404", // "fallback" without its slash is in no location
			"/constant/x":        "200 file f",
			"/regex/f":           "200 file f",
			"/regex/nope":        "301",
			"/whole/f":           "200 file f",
			"/rewritten/x":       "500",
			"/nothing/x":         "200 file f",
			"/alias/f/x":         "404",
			"/alias/own/link":    "200 own f",
			"/alias/ownlink/f":   "200 own f",
			"/alias/own/missing": "404",
		} {
			s.expect(target, want)
		}
	}
	s.logged(`\[error\] .* could not find named location "@missing"`)
}

func TestDisableSymlinks(t *testing.T) {
	s := newSite(t, `
		disable_symlinks on;
		location /off/ { alias www/; disable_symlinks off; }
		location /owner/ { alias www/; disable_symlinks if_not_owner; }
		location /from/ { alias www/ownlink/; disable_symlinks on from=$DIR/www/ownlink; }
		location /slash/ { alias www/ownlink/; disable_symlinks on from=$DIR/www/ownlink/; }
		location /half/ { alias www/ownlink/; disable_symlinks on from=$DIR/www/ownli; }
		location /all/ { alias www/own/link; disable_symlinks on from=$DIR/www/own/link; }
		location /kept/ { alias www/; open_file_cache max=10; open_file_cache_errors on; }
		location /keptoff/ { alias www/; open_file_cache max=10; disable_symlinks off; }
		location /try/ { alias www/; try_files $uri =410; }`)
	s.fill()
	s.write("strange/f", "f of another")
	for _, l := range []struct{ name, to string }{{"strange/own", "f"}, {"strange/other", "f"}, {"strangelink", "strange"}} {
		if err := os.Symlink(l.to, filepath.Join(s.www, l.name)); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]string{
		"/f":                "200 file f",
		"/d/":               "200 index of d",
		"/d":                "301",
		"/nope":             "404",
		"/f/x":              "404",
		"/own/link":         "403",
		"/ownlink/f":        "404", // as nginx: a link is no folder
		"/own/dangling":     "403",
		"/off/own/link":     "200 own f",
		"/off/ownlink/f":    "200 own f",
		"/owner/own/link":   "200 own f",
		"/owner/ownlink/f":  "200 own f",
		"/from/f":           "200 own f",
		"/from/link":        "403",
		"/slash/f":          "200 own f",
		"/slash/link":       "403",
		"/half/f":           "404",
		"/all/":             "500",
		"/kept/own/link":    "403",
		"/kept/f":           "200 file f",
		"/keptoff/own/link": "200 own f",
		"/try/own/link":     "410",
		"/try/own/f":        "200 own f",
	}
	if os.Getuid() == 0 {
		for _, link := range []string{"strange/other", "strangelink"} {
			if err := os.Lchown(filepath.Join(s.www, link), 1234, 1234); err != nil {
				t.Fatal(err)
			}
		}
		cases["/owner/strange/own"] = "200 f of another"
		cases["/owner/strange/other"] = "403"
		cases["/owner/strangelink/f"] = "403"
	}
	for range 3 {
		for target, want := range cases {
			s.expect(target, want)
		}
	}
	s.logged(`\[error\] .* openat\(\) ".*/www/own/link" failed \(40: Too many levels of symbolic links\)`)
	s.logged(`\[crit\] .* openat\(\) ".*/www/own/link" failed \(40: Too many levels of symbolic links\)`)
}

// TestDisableSymlinksOfHotFiles makes a link of a file that is in memory for another location.
func TestDisableSymlinksOfHotFiles(t *testing.T) {
	s := newSite(t, "location /on/ { alias www/; disable_symlinks on; }")
	s.write("real", "content")
	if err := os.Symlink("real", filepath.Join(s.www, "link")); err != nil {
		t.Fatal(err)
	}
	s.warm("/link")
	s.expect("/link", "200 content")
	s.expect("/on/link", "403")
	s.expect("/on/real", "200 content")
}
