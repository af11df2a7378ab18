// Package conf is the language of nginx.conf: its words, its blocks, the table of directives, and
// how settings reach inner blocks.
//
// A configuration goes through four steps. Load reads files into a Tree of Blocks and Nodes and
// knows nothing of directives. Table.Check gives every Node its Entry: names, places, arguments and
// duplicates are checked there, and every error is collected. Table.Declare runs the directives that
// declare things for others (zones, maps, log formats), in file order. Scopes resolve the settings
// of a module for a block, by scoping: the nearest enclosing block that has a directive of the group
// wins.
//
//	tree, diags := conf.Load("/etc/nginx/nginx.conf", conf.LoadOptions{Prefix: "/etc/nginx"})
//	table.Check(tree, diags)
//	table.Declare(tree, env, diags)
//	scopes := table.NewScopes(tree, env, diags)
//	c := conf.Settings[limitReqConf](scopes, limitReqModule, locationBlock)
//
// # The syntax line
//
// Directive.Syntax is printed in the manual and checks the arguments. Its words:
//
//	on               the word itself
//	<size>           a value of a type: see isType for the list
//	<burst:number>   a value with a name of its own, and its type
//	<code:400-599>   a number in a range
//	<anything>       a name that is no type stands for a string
//	key=<type>       a keyword with a value; keywords may stand in any order after the leading
//	                 words; a value may have parts: zone=<name>:<size>, gzip[=<level:1-9>],
//	                 mode=on|off
//	[x]              may be absent
//	a | b            one of its two neighbours (it binds tighter than a blank)
//	x ...            one or more; after a | b ... any of them, several times; x ...2: at most two
//	{ ... }          a block follows; what is inside is for the manual
//
// Several lines are several forms. A line that begins with ! is free: Set reads the words itself.
// The number of words may follow, as in "! 1-2 [modifier] <uri> { ... }", "! 2-" or "! 3"; the
// rest of such a line is for the manual.
package conf
