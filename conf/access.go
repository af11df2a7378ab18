package conf

import (
	"io/fs"
	"strings"
)

// ReadAccess reads the rights of files as dav_access and proxy_store_access have them: "user:rw group:r all:r". Who is not named has none,
// but for the user, who then has rw.
func ReadAccess(mode *fs.FileMode, call *Call) error {
	shifts := map[string]int{"user": 6, "group": 3, "all": 0}
	rights := map[string]fs.FileMode{"r": 4, "rw": 6}
	user := fs.FileMode(0o600)
	*mode = 0
	for i := range call.Len() {
		who, what, _ := strings.Cut(call.Arg(i), ":")
		shift, known := shifts[who]
		right, allowed := rights[what]
		if !known || !allowed {
			return call.Errorf(i, "invalid value \"%s\"", call.Arg(i))
		}
		if who == "user" {
			user = 0
		}
		*mode |= right << shift
	}
	*mode |= user
	return nil
}
