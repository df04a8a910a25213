// Package argv reads command lines as Tasks write them: an array parameter becomes several words behind one option.
package argv

import "strings"

// List is a flag that may be given several times.
type List []string

func (l *List) String() string { return strings.Join(*l, ",") }

// Set adds a value.
func (l *List) Set(v string) error { *l = append(*l, v); return nil }

// Spread writes --build-args A=1 B=2 as --build-arg=A=1 --build-arg=B=2: each option among plurals takes all values up to the
// next option, and stands for the one it is mapped to.
func Spread(args []string, plurals map[string]string) []string {
	var out []string
	one := ""
	for _, arg := range args {
		if single, ok := plurals[arg]; ok {
			one = single
			continue
		}
		if strings.HasPrefix(arg, "-") {
			one = ""
		}
		if one != "" {
			arg = one + "=" + arg
		}
		out = append(out, arg)
	}
	return out
}
