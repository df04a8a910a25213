package lint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/slipway-dev/slipway/pkg/manifest"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// files is what the arguments name, decoded.
type files struct {
	// read counts the files that were checked.
	read int
	docs []manifest.Document
	errs manifest.Errors
	// restore puts the {{ x }} of a file back into what is said of it, by its name.
	restore map[string]func(string) string
	// passedOver names files of folders that hold nothing of ours.
	passedOver []string
}

// read decodes all files. Its error is about names that lead to no file; what is
// wrong in files is part of the result.
func read(stdin io.Reader, names []string) (*files, error) {
	f := &files{restore: map[string]func(string) string{}}
	seen := map[string]bool{}
	var errs []error
	for _, name := range names {
		found, err := expand(name)
		errs = append(errs, err)
		for _, file := range found {
			if key := filepath.Clean(file.name); !seen[key] {
				seen[key] = true
				errs = append(errs, f.add(stdin, file))
			}
		}
	}
	return f, errors.Join(errs...)
}

// ours finds the apiVersion of an object of ours, in YAML and in JSON.
var ours = regexp.MustCompile(`apiVersion["']?\s*:\s*["']?tekton\.dev/`)

// forCommits finds the files that events at a repository run, which hold {{ x }}.
var forCommits = regexp.MustCompile(`(^|/)\.(tekton|slipway)/`)

func (f *files) add(stdin io.Reader, file source) (err error) {
	var data []byte
	if file.name == "-" {
		file.name = "standard input"
		data, err = io.ReadAll(stdin)
	} else {
		data, err = os.ReadFile(file.name)
	}
	switch {
	case err != nil:
		return err
	case file.walked && !ours.Match(data):
		f.passedOver = append(f.passedOver, file.name)
		return nil
	}
	f.read++
	if forCommits.MatchString(filepath.ToSlash(file.name)) {
		data, f.restore[file.name] = trigger.Hide(data)
	}
	docs, err := manifest.Documents(data, file.name)
	f.docs = append(f.docs, docs...)
	if wrong := (manifest.Errors)(nil); errors.As(err, &wrong) {
		f.errs = append(f.errs, wrong...)
	}
	return nil
}

// source is a file to read.
type source struct {
	name string
	// walked says that it was found in a folder, and not named.
	walked bool
}

// expand returns the files of a folder and of those below it; any other name as it is.
func expand(name string) ([]source, error) {
	if name == "-" {
		return []source{{name: name}}, nil
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: there is no such file or folder", name)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return []source{{name: name}}, nil
	}
	var found []source
	err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)):
			found = append(found, source{path, true})
		}
		return nil
	})
	if err == nil && len(found) == 0 {
		return nil, fmt.Errorf("%s: there is no .yaml, .yml or .json file in this folder", name)
	}
	return found, err
}
