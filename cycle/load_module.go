package cycle

import (
	"path"
	"strings"

	"weir/conf"
)

// loadModule takes a module by the name of its file. Those of nginx that weir has, and those that others make for what weir has by itself,
// need not be loaded; to load one that nothing uses loses nothing.
func loadModule(_ *MainConf, call *conf.Call) error {
	name := strings.TrimSuffix(path.Base(call.Arg(0)), ".so")
	name = strings.TrimSuffix(strings.TrimPrefix(name, "ngx_"), "_module")
	for _, m := range httpModules() {
		if m.Conf.Name == name {
			return nil
		}
	}
	switch name {
	case "stream", "mail": // whoever uses them is told so by their block
		return nil
	}
	call.Warnf(0, "module \"%s\" is not part of weir and is not loaded; its directives are errors", call.Arg(0))
	return nil
}
