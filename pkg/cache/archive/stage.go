package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrOccupied is wrapped by the error of a folder that holds something already.
var ErrOccupied = errors.New("holds something already")

// ErrPlace is wrapped by the error of a path that no folder can be put at.
var ErrPlace = errors.New("cannot be a cached folder")

// Stage is folders that are filled beside where they belong, and come there together once they are complete.
type Stage struct {
	paths   []string
	folders []string
	placed  int
}

// Check says whether a folder can be put there: nothing, or an empty folder, may be in its place. A folder that something
// is mounted on cannot be renamed, nor can a link be what it leads to.
func Check(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s %w: it is no folder", path, ErrPlace)
	}
	above, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	if device(info) != device(above) || path == filepath.Dir(path) {
		return fmt.Errorf("%s %w: it is a volume itself; name a folder in it, such as %s", path, ErrPlace, filepath.Join(path, "cache"))
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if names, _ := f.Readdirnames(1); len(names) > 0 {
		return fmt.Errorf("%s %w", path, ErrOccupied)
	}
	return nil
}

// SameFileSystem reports whether path, or what there is of the folders above it, lies in the file system of other.
func SameFileSystem(path, other string) bool {
	to, err := os.Stat(other)
	if err != nil {
		return false
	}
	for {
		info, err := os.Stat(path)
		if err == nil {
			return device(info) == device(to)
		}
		if path == filepath.Dir(path) {
			return false
		}
		path = filepath.Dir(path)
	}
}

func device(info fs.FileInfo) uint64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return stat.Dev
}

// NewStage makes an empty folder beside each path.
func NewStage(paths []string) (*Stage, error) {
	s := &Stage{paths: paths}
	for _, p := range paths {
		err := Check(p)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(p), 0o755)
		}
		var folder string
		if err == nil {
			folder, err = os.MkdirTemp(filepath.Dir(p), "."+filepath.Base(p)+".restoring-")
		}
		if err != nil {
			s.Discard()
			return nil, err
		}
		s.folders = append(s.folders, folder)
	}
	return s, nil
}

// Folders are where to put the content, in the order of the paths.
func (s *Stage) Folders() []string { return s.folders }

// Commit renames the folders to their paths: all of them, or none.
func (s *Stage) Commit() error {
	for i, p := range s.paths {
		// As rename(2) does: an empty folder gives way, and os.Rename does not let it.
		if err := syscall.Rename(s.folders[i], p); err != nil {
			s.Discard()
			return fmt.Errorf("%s: %w", p, err)
		}
		s.placed++
	}
	return nil
}

// Discard removes what is not in its place, and, unless all is, what is.
func (s *Stage) Discard() {
	for i, folder := range s.folders {
		switch {
		case s.placed == len(s.paths):
		case i < s.placed:
			remove(s.paths[i])
		default:
			remove(folder)
		}
	}
}

// remove removes also folders that say nobody may write to them.
func remove(folder string) {
	if os.RemoveAll(folder) == nil {
		return
	}
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(folder)
}
