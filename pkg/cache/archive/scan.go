// Package archive packs folders into a row of small tar archives and unpacks them again.
//
// Where a pack ends depends on the names and sizes of the files around it and on nothing before, so that a file that comes
// or goes changes the pack it is in, and the others stay the same bytes. In a pack, names begin with the number of the
// folder: 0/a/b is a/b of the first. A file that is larger than a pack goes over several, each piece with PAX records that
// say where it belongs. Owners, modes and times of files are kept; set-user-ID, set-group-ID and sticky bits, and times of
// folders, are not. Links that leave their folder, and what is neither file, folder nor link, are left out.
package archive

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strconv"
)

const (
	// PackMax is the most that a pack holds, in bytes; packMin and packMean are the least and what it comes to.
	PackMax  = 32 << 20
	packMin  = 2 << 20
	packMean = 8 << 20
	// rawMax bounds a pack's tar archive: its headers are more than what they are counted as, but not so much more.
	rawMax = 2 * PackMax
)

// part is a file, folder or link as it stands in a pack, or a piece of a file.
type part struct {
	// name is that in the archive, file that on the disk.
	name, file string
	info       fs.FileInfo
	// offset and length are those of the content, in bytes.
	offset, length int64
}

// Pack is what goes into one archive.
type Pack struct {
	parts []part
	size  int64
}

// Stats are what was found or made.
type Stats struct {
	Files, Folders, Links int
	// Bytes are those of the files' contents.
	Bytes int64
	// LeftOut are the names of what is not packed.
	LeftOut []string
}

// Scan walks the folders and gives each pack to emit as soon as it is complete. It holds no more than one pack and the
// names in one folder.
func Scan(ctx context.Context, folders []string, emit func(Pack) error) (Stats, error) {
	s := scanner{ctx: ctx, emit: emit}
	for i, folder := range folders {
		if err := s.folder(strconv.Itoa(i), folder); err != nil {
			return s.stats, err
		}
	}
	return s.stats, s.flush()
}

type scanner struct {
	ctx   context.Context
	emit  func(Pack) error
	pack  Pack
	stats Stats
}

func (s *scanner) folder(number, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	return filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err == nil {
			err = s.ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(folder, file)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s went away while it was read", file)
		} else if err != nil {
			return err
		}
		return s.entry(root, rel, part{name: path.Join(number, filepath.ToSlash(rel)), file: file, info: info})
	})
}

func (s *scanner) entry(root *os.Root, rel string, p part) error {
	switch mode := p.info.Mode(); {
	case mode.IsDir():
		s.stats.Folders++
	case mode.IsRegular():
		s.stats.Files++
		s.stats.Bytes += p.info.Size()
		return s.file(p)
	case mode.Type() == fs.ModeSymlink && !leaves(root, rel):
		s.stats.Links++
	default:
		s.stats.LeftOut = append(s.stats.LeftOut, p.file)
		return nil
	}
	return s.add(p)
}

// leaves reports whether a link leads out of the root, through whichever other links. One that leads to nothing does not.
func leaves(root *os.Root, link string) bool {
	_, err := root.Stat(link)
	return err != nil && !errors.Is(err, fs.ErrNotExist)
}

// file adds a file, in pieces of a pack each if it is larger than one.
func (s *scanner) file(p part) error {
	size := p.info.Size()
	for p.length = min(size, PackMax); ; p.length = min(size-p.offset, PackMax) {
		if err := s.add(p); err != nil {
			return err
		}
		if p.offset += p.length; p.offset >= size {
			return nil
		}
	}
}

func (s *scanner) add(p part) error {
	// Three blocks of headers, and what fills the last block of the content.
	size := p.length + 2048 + 2*int64(len(p.name))
	if s.pack.size > 0 && s.pack.size+size > PackMax {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.pack.parts = append(s.pack.parts, p)
	s.pack.size += size
	if s.pack.size >= packMin && ends(p.name, size) {
		return s.flush()
	}
	return nil
}

// ends decides by the name and size alone whether a pack ends behind what has them: once in packMean bytes.
func ends(name string, size int64) bool {
	sum := sha256.Sum256([]byte(name))
	chance := float64(size) / packMean
	return float64(binary.BigEndian.Uint64(sum[:]))/math.MaxUint64 < chance
}

func (s *scanner) flush() error {
	if len(s.pack.parts) == 0 {
		return nil
	}
	full := s.pack
	s.pack = Pack{}
	return s.emit(full)
}
