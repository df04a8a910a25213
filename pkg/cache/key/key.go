// Package key computes the keys of dependency caches, writes them as tags of a registry, and chooses among what was saved.
//
// A tag is SPACE.KEY.TIME. The space stands for who wrote it and for which folders it holds; in the key, what a tag cannot
// hold is _ and two hex digits; the time is when it was saved, in milliseconds since 1970 in base 36. So one listing of the
// tags tells all that a choice needs, and no tag is ever written over.
package key

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxTag is what the OCI distribution specification allows a tag, in characters.
	maxTag      = 128
	spaceLength = 10
	timeLength  = 9
)

// Prefix is what keys of a base name have before the hash of lock files.
func Prefix(base string) string {
	if base == "" {
		return ""
	}
	return strings.TrimSuffix(base, "-") + "-"
}

// Space separates caches that must not be taken for one another: of the folders named, in this order, and of a scope, which
// is "" or what a pull request has of its own.
func Space(scope string, folders []string) string {
	h := sha256.New()
	frame(h, "slipway cache 1")
	frame(h, scope)
	for _, f := range folders {
		frame(h, f)
	}
	return short(h, spaceLength)
}

// Saved is one cache that was saved.
type Saved struct {
	Key string
	// At is when, to a millisecond.
	At  time.Time
	Tag string
	// Place is the number of the repository it is in: 0 is the one that the reader writes to.
	Place int
}

// Tag names what is saved under the key at a time. A key that does not fit is an error that says so.
func Tag(space, key string, at time.Time) (string, error) {
	text := escape(key)
	room := maxTag - spaceLength - timeLength - 2
	switch {
	case key == "":
		return "", fmt.Errorf("the key is empty")
	case len(text) > room:
		return "", fmt.Errorf("the key %q takes %d characters in a tag of a registry, and there is room for %d: make it shorter (characters other than letters, digits, - and . take three)",
			key, len(text), room)
	}
	stamp := strconv.FormatInt(at.UnixMilli(), 36)
	return space + "." + text + "." + strings.Repeat("0", max(0, timeLength-len(stamp))) + stamp, nil
}

// Parse reads a tag; false is one that another program, or another space, has written.
func Parse(space, tag string) (Saved, bool) {
	rest, ok := strings.CutPrefix(tag, space+".")
	end := strings.LastIndexByte(rest, '.')
	if !ok || end < 0 {
		return Saved{}, false
	}
	name, ok := unescape(rest[:end])
	at, err := strconv.ParseInt(rest[end+1:], 36, 64)
	if !ok || err != nil || at < 0 {
		return Saved{}, false
	}
	return Saved{Key: name, At: time.UnixMilli(at).UTC(), Tag: tag}, true
}

// Choose returns what may be restored for a key, the best first: what has the key itself, then what begins with the first
// of the prefixes, and so on. Of those that fit as well, the reader's own come first, and then the newest. An empty prefix
// fits all.
func Choose(all []Saved, key string, prefixes []string) []Saved {
	rank := func(s Saved) int {
		if s.Key == key {
			return 0
		}
		i := slices.IndexFunc(prefixes, func(p string) bool { return strings.HasPrefix(s.Key, p) })
		return i + 1
	}
	fits := slices.DeleteFunc(slices.Clone(all), func(s Saved) bool { return s.Key != key && rank(s) == 0 })
	slices.SortFunc(fits, func(a, b Saved) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Place, b.Place), b.At.Compare(a.At), cmp.Compare(a.Tag, b.Tag))
	})
	return fits
}

func plain(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '.'
}

func escape(key string) string {
	var b strings.Builder
	for i := range len(key) {
		if plain(key[i]) {
			b.WriteByte(key[i])
			continue
		}
		fmt.Fprintf(&b, "_%02x", key[i])
	}
	return b.String()
}

func unescape(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '_' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		c, err := hex.DecodeString(text[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.Write(c)
		i += 2
	}
	return b.String(), true
}
