// Package names has the names of a run's children.
package names

import (
	"crypto/md5"
	"fmt"
	"strings"
)

// Child is the name of the i-th of n runs of a task. It depends on nothing
// else, so that no decision creates a second one.
func Child(run, task string, i, n int) string {
	if n == 1 {
		return shorten(run, "-"+task)
	}
	number := fmt.Sprintf("-%d", i)
	name := shorten(run, "-"+task+number)
	if strings.HasSuffix(name, number) {
		return name
	}
	name = shorten(run, "-"+task)
	return name[:min(len(name), maxName-len(fmt.Sprintf("-%d", n)))] + number
}

const maxName = 63

// shorten joins parent and suffix to a name of at most 63 characters; where they
// are too long for that, a checksum stands for what is cut, as tools that
// look children up by name expect it.
func shorten(parent, suffix string) string {
	const head = maxName - 2*md5.Size
	switch {
	case len(parent)+len(suffix) <= maxName:
		return parent + suffix
	case len(suffix) >= head:
		return strings.TrimRight(parent[:min(len(parent), head-1)], "-.") + "-" + checksum(parent+suffix)
	}
	return parent[:head-len(suffix)] + checksum(parent) + suffix
}

func checksum(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
