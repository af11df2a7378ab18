package load

import (
	"strings"

	"weir/conf"
	"weir/disk"
)

// maxLevels is how many digits of a number the levels can have: all of them.
const maxLevels = 10

// TempPathSlot is a slot for the folder of temporary files and the widths of its levels.
func TempPathSlot[C any](f func(*C) **disk.TempPath) func(*C, *conf.Call) error {
	return func(c *C, call *conf.Call) error {
		p := &disk.TempPath{Dir: strings.TrimSuffix(call.Arg(0), "/")}
		if !strings.HasPrefix(p.Dir, "/") {
			under := Of(call).Prefix
			if call.IsDefault() {
				under = Of(call).TempPrefix
			}
			p.Dir = under + p.Dir
		}
		for i := 1; i < call.Len(); i++ {
			level, err := conf.ParseInt(call.Arg(i))
			if err != nil || level == 0 {
				return call.Invalid(i, "invalid value")
			}
			p.Levels[i-1] = min(level, maxLevels+1)
		}
		if p.Levels[0]+p.Levels[1]+p.Levels[2] > maxLevels {
			return call.Invalid(-1, "invalid value")
		}
		*f(c) = p
		return nil
	}
}
