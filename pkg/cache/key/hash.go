package key

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
)

// hashLength is how many characters of a hash stand in a key: 200 bits.
const hashLength = 40

var alphabet = base32.HexEncoding.WithPadding(base32.NoPadding)

// Hash digests the regular files of fsys that the patterns match, each with its path and content, and returns 40
// characters and the files' paths. Patterns are those of a .dockerignore: ** is any number of folders, and ! takes files
// out again. Folders in skip, and .git, are not looked into: what a cache holds must not be a part of its own key.
func Hash(fsys fs.FS, patterns, skip []string) (sum string, files []string, err error) {
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return "", nil, fmt.Errorf("pattern: %w", err)
	}
	total := sha256.New()
	err = fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || slices.Contains(skip, path)):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		if ok, err := matcher.MatchesOrParentMatches(path); err != nil || !ok {
			return err
		}
		files = append(files, path)
		content, err := digest(fsys, path)
		frame(total, path)
		frame(total, string(content))
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return short(total, hashLength), files, nil
}

func digest(fsys fs.FS, path string) ([]byte, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return sum.Sum(nil), err
}

// frame writes the text behind its length, so that no two rows of texts are the same bytes.
func frame(h hash.Hash, text string) {
	_ = binary.Write(h, binary.BigEndian, uint64(len(text))) // a hash takes all
	_, _ = io.WriteString(h, text)
}

func short(h hash.Hash, length int) string {
	return strings.ToLower(alphabet.EncodeToString(h.Sum(nil)))[:length]
}
