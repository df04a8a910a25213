// Package suggest finds the name a user most likely meant.
package suggest

import "strings"

// Nearest returns the element of known that is closest to name, or "" when
// none is close enough to be a likely slip: at most one edit for every three
// letters, and at least one. Case differences alone are always a slip. Of equally
// near names the first wins.
func Nearest(name string, known []string) string {
	best, distance := "", max(1, len(name)/3)+1
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return k
		}
		if d := edits(name, k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// DidYouMean returns `; did you mean "x"?` for the nearest of known, or "".
// It is meant to end an error message.
func DidYouMean(name string, known []string) string {
	if n := Nearest(name, known); n != "" {
		return `; did you mean "` + n + `"?`
	}
	return ""
}

// edits counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
