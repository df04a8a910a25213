// Package mask replaces secret values in a stream of bytes by [Replacement]:
// as they are, and in the forms that they commonly take on their way to a log
// (base64, escaped for URLs, JSON and the shell).
//
// The search is that of Wu and Manber ("A fast algorithm for multi-pattern
// searching", University of Arizona, TR-94-17, 1994) in the form for short
// patterns: a table of hashed blocks of 4 bytes says of almost every place
// that nothing begins there. For the others the sorted patterns serve as a
// trie, which takes no memory beside them. An Aho-Corasick automaton would take
// some 14 bytes for each byte of each form, in the memory of the user's step.
package mask

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"sort"
	"strings"
)

// Replacement stands in the place of each value.
const Replacement = "***"

const (
	// block is how many bytes are hashed. No pattern is shorter.
	block = 4
	// maxPattern bounds what a stream holds back, and what a place in it can
	// cost. What is longer is searched for in pieces.
	maxPattern = 1024

	minFilterBits, maxFilterBits = 16, 23
)

// Set is what to look for. A nil Set finds nothing.
type Set struct {
	patterns []string // sorted, distinct
	// heads are the patterns that begin with a block, or with fewer bytes: [from,
	// to) by what key makes of them.
	heads map[uint64][2]int
	// filter has a bit for the hash of each block that a pattern begins with.
	filter []uint64
	shift  int
}

// New returns the set for values, or nil when none of them is to be masked.
//
// A value is masked whole, or line by line when it has several lines; space
// around it is not part of it. Values (and lines) of fewer than 4 bytes, those
// that repeat one character, and the few words of [Common] are not masked:
// they would make a log unreadable and hide nothing. Values beyond 64 KiB are
// masked as they are and in base64 as a whole, and not in other forms.
func New(values []string) *Set {
	var patterns []string
	for _, v := range values {
		patterns = append(patterns, forms(strings.TrimSpace(v))...)
	}
	if len(patterns) == 0 {
		return nil
	}
	slices.Sort(patterns)
	s := &Set{patterns: slices.Compact(patterns), heads: map[uint64][2]int{}}
	size := min(max(bits.Len(uint(len(s.patterns)))+4, minFilterBits), maxFilterBits)
	s.filter, s.shift = make([]uint64, 1<<size/64), 32-size
	for i, p := range s.patterns {
		head := []byte(p[:block])
		for n := 1; n <= block; n++ {
			span, ok := s.heads[key(head[:n])]
			if !ok {
				span[0] = i
			}
			span[1] = i + 1
			s.heads[key(head[:n])] = span
		}
		h := s.hash(head)
		s.filter[h/64] |= 1 << (h % 64)
	}
	return s
}

// key is the first bytes of text, a block at most, and how many they are.
func key(text []byte) uint64 {
	if len(text) >= block {
		return uint64(binary.LittleEndian.Uint32(text)) | block<<32
	}
	k := uint64(len(text)) << 32
	for i, c := range text {
		k |= uint64(c) << (8 * i)
	}
	return k
}

func (s *Set) hash(head []byte) uint32 {
	return binary.LittleEndian.Uint32(head) * 2654435761 >> s.shift
}

// next returns the first place at or after from where a pattern may begin.
func (s *Set) next(data []byte, from int) int {
	for ; from+block <= len(data); from++ {
		if h := s.hash(data[from:]); s.filter[h/64]&(1<<(h%64)) != 0 {
			break
		}
	}
	return from
}

// match returns the length of the longest pattern that text begins with, or 0.
// With open, text is itself the beginning of a pattern that is longer.
func (s *Set) match(text []byte) (n int, open bool) {
	span := s.heads[key(text)]
	lo, hi := span[0], span[1]
	for depth := min(block, len(text)); lo < hi; depth++ {
		if len(s.patterns[lo]) == depth {
			n = depth
			lo++
		}
		switch {
		case lo == hi:
			return n, false
		case depth == len(text):
			return n, true
		case hi-lo == 1:
			return s.matchOne(s.patterns[lo], text, n)
		}
		lo, hi = s.narrow(lo, hi, depth, text[depth])
	}
	return n, false
}

func (s *Set) matchOne(pattern string, text []byte, n int) (int, bool) {
	if len(text) < len(pattern) {
		return n, pattern[:len(text)] == string(text)
	}
	if string(text[:len(pattern)]) == pattern {
		return len(pattern), false
	}
	return n, false
}

// narrow returns those of [lo, hi) that have c at depth. They agree before it,
// and are all longer.
func (s *Set) narrow(lo, hi, depth int, c byte) (int, int) {
	among := s.patterns[lo:hi]
	from := sort.Search(len(among), func(i int) bool { return among[i][depth] >= c })
	to := sort.Search(len(among), func(i int) bool { return among[i][depth] > c })
	return lo + from, lo + to
}

// String returns text with the values in it replaced.
func (s *Set) String(text string) string {
	if s == nil {
		return text
	}
	var out bytes.Buffer
	w := s.Writer(&out)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return out.String()
}
