package archive

import (
	"archive/tar"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Finish makes the links and gives large files and folders their modes, when all packs are unpacked. Only then is what lies
// in the folders complete.
func (u *Unpacker) Finish() (Stats, error) {
	for p, all := range u.pieces {
		if all.have != all.all {
			return u.stats, fmt.Errorf("%w: %q has %d bytes of %d", ErrBad, all.header.Name, all.have, all.all)
		}
		if err := u.finish(u.roots[p.folder], p.name, all.header); err != nil {
			return u.stats, err
		}
	}
	links := slices.DeleteFunc(slices.Clone(u.later), func(l later) bool { return l.header.Typeflag != tar.TypeSymlink })
	if err := u.links(links); err != nil {
		return u.stats, err
	}
	folders := slices.DeleteFunc(u.later, func(l later) bool { return l.header.Typeflag == tar.TypeSymlink })
	// The deepest first: into one that is closed nobody comes.
	slices.SortFunc(folders, func(a, b later) int {
		return cmp.Or(cmp.Compare(depth(b.name), depth(a.name)), strings.Compare(a.name, b.name))
	})
	for _, l := range folders {
		if err := u.finish(u.roots[l.folder], l.name, l.header); err != nil {
			return u.stats, err
		}
	}
	u.stats.Folders, u.stats.Links = len(folders), len(links)
	return u.stats, nil
}

func depth(name string) int {
	if name == "." {
		return 0
	}
	return 1 + strings.Count(name, "/")
}

func (u *Unpacker) links(links []later) error {
	for _, l := range links {
		if err := mkdirs(u.roots[l.folder], path.Dir(l.name)); err != nil {
			return bad(l.header, err)
		}
	}
	for _, l := range links {
		root := u.roots[l.folder]
		if err := root.Symlink(l.header.Linkname, l.name); err != nil {
			return bad(l.header, err)
		}
		if err := u.finish(root, l.name, l.header); err != nil {
			return err
		}
	}
	// Where a link leads to depends on the others.
	for _, l := range links {
		if leaves(u.roots[l.folder], l.name) {
			return fmt.Errorf("%w: the link %q leads out of the folder", ErrBad, l.header.Name)
		}
	}
	return nil
}
