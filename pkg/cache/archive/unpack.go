package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ErrBad is wrapped by the error of an archive that Pack.Write does not make.
var ErrBad = errors.New("not an archive of a cache")

// Unpacker fills empty folders with what packs hold. It never writes outside of them: all is done through os.Root, links
// are made when everything else is there, and are looked through before anybody else sees them.
type Unpacker struct {
	roots []*os.Root
	// owner is whether files can be given to others.
	owner bool

	mu     sync.Mutex
	stats  Stats
	later  []later
	pieces map[place]*pieces
}

// place is a name below one of the folders.
type place struct {
	folder int
	name   string
}

// later is a folder or link whose header is acted on at the end: a folder that nobody may write to can then be filled, and
// nothing is written through a link.
type later struct {
	place
	header *tar.Header
}

// pieces are those of one large file.
type pieces struct {
	header    *tar.Header
	have, all int64
}

// NewUnpacker opens the folders, which are empty and nobody else's.
func NewUnpacker(folders []string) (*Unpacker, error) {
	u := &Unpacker{owner: os.Geteuid() == 0, pieces: map[place]*pieces{}}
	for _, f := range folders {
		root, err := os.OpenRoot(f)
		if err != nil {
			u.Close()
			return nil, err
		}
		u.roots = append(u.roots, root)
	}
	return u, nil
}

// Close lets go of the folders.
func (u *Unpacker) Close() {
	for _, r := range u.roots {
		r.Close()
	}
}

// Unpack unpacks one pack; several goroutines may do so at once. What is wrong with the archive is an ErrBad.
func (u *Unpacker) Unpack(r io.Reader) error {
	limited := &io.LimitedReader{R: r, N: rawMax + 1}
	in := opened{u: u, tar: tar.NewReader(limited), buf: make([]byte, 64<<10)}
	defer in.close()
	for {
		h, err := in.tar.Next()
		if limited.N <= 0 {
			return fmt.Errorf("%w: a pack has more than %d bytes", ErrBad, rawMax)
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%w: %w", ErrBad, err)
		}
		if err := in.entry(h); err != nil {
			return err
		}
	}
}

// place reads a name in an archive.
func (u *Unpacker) place(name string) (place, error) {
	number, rest, deep := strings.Cut(strings.TrimSuffix(name, "/"), "/")
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(u.roots) {
		return place{}, fmt.Errorf("%w: it names %q", ErrBad, name)
	}
	if !deep {
		return place{i, "."}, nil
	}
	if path.Clean(rest) != rest || rest == "." || !filepath.IsLocal(rest) {
		return place{}, fmt.Errorf("%w: it names %q", ErrBad, name)
	}
	return place{i, rest}, nil
}

// opened is one pack on its way, and the folder its last file went to: the next one mostly goes there too.
type opened struct {
	u      *Unpacker
	tar    *tar.Reader
	buf    []byte
	at     place
	folder *os.Root
}

func (o *opened) close() {
	if o.folder != nil {
		o.folder.Close()
		o.folder = nil
	}
}

func (o *opened) entry(h *tar.Header) error {
	p, err := o.u.place(h.Name)
	if err != nil {
		return err
	}
	switch {
	case h.Typeflag == tar.TypeReg && p.name != ".":
		return o.file(p, h)
	case h.Typeflag == tar.TypeDir:
		if err := mkdirs(o.u.roots[p.folder], p.name); err != nil {
			return bad(h, err)
		}
	case h.Typeflag == tar.TypeSymlink && p.name != ".":
	default:
		return fmt.Errorf("%w: %q is of type %q", ErrBad, h.Name, h.Typeflag)
	}
	o.u.mu.Lock()
	defer o.u.mu.Unlock()
	o.u.later = append(o.u.later, later{p, h})
	return nil
}

// bad is the error of an entry that cannot be made: the archive's fault, unless it is the disk's.
func bad(h *tar.Header, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %q is there twice", ErrBad, h.Name)
	}
	return fmt.Errorf("%q: %w", h.Name, err)
}

func mkdirs(root *os.Root, name string) error {
	if name == "." {
		return nil
	}
	return root.MkdirAll(name, 0o700)
}

// in opens the folder that holds p.
func (o *opened) in(p place) (*os.Root, error) {
	at := place{p.folder, path.Dir(p.name)}
	if o.folder != nil && o.at == at {
		return o.folder, nil
	}
	o.close()
	root := o.u.roots[p.folder]
	if err := mkdirs(root, at.name); err != nil {
		return nil, err
	}
	folder, err := root.OpenRoot(at.name)
	if err != nil {
		return nil, err
	}
	o.at, o.folder = at, folder
	return folder, nil
}

func (o *opened) file(p place, h *tar.Header) error {
	folder, err := o.in(p)
	if err != nil {
		return bad(h, err)
	}
	offset, size, piece, err := pieceOf(h)
	if err != nil {
		return err
	}
	flag := os.O_WRONLY | os.O_CREATE
	if !piece {
		flag |= os.O_EXCL
	}
	f, err := folder.OpenFile(path.Base(p.name), flag, 0o600)
	if err != nil {
		return bad(h, err)
	}
	defer f.Close()
	// A file would take the buffer's place by a way of its own, and make another for each file.
	to := struct{ io.Writer }{io.NewOffsetWriter(f, offset)}
	switch n, err := io.CopyBuffer(to, o.tar, o.buf); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %q is cut off", ErrBad, h.Name)
	case err != nil:
		return fmt.Errorf("%q: %w", h.Name, err)
	case piece:
		return errors.Join(o.u.piece(p, h, n, size), f.Close())
	}
	o.u.count(h.Size)
	if err := o.u.finish(folder, path.Base(p.name), h); err != nil {
		return err
	}
	return f.Close()
}

// pieceOf says which part of a file the entry is; a whole file is no piece.
func pieceOf(h *tar.Header) (offset, size int64, piece bool, err error) {
	at, piece := h.PAXRecords[paxOffset]
	if !piece {
		return 0, h.Size, false, nil
	}
	offset, err = strconv.ParseInt(at, 10, 64)
	if err == nil {
		size, err = strconv.ParseInt(h.PAXRecords[paxSize], 10, 64)
	}
	if err != nil || offset < 0 || size < 0 || offset > size-h.Size {
		return 0, 0, true, fmt.Errorf("%w: %q is a piece of no file", ErrBad, h.Name)
	}
	return offset, size, true, nil
}

func (u *Unpacker) count(size int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stats.Files++
	u.stats.Bytes += size
}

func (u *Unpacker) piece(p place, h *tar.Header, n, size int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := u.pieces[p]
	if all == nil {
		all = &pieces{header: h, all: size}
		u.pieces[p] = all
		u.stats.Files++
	}
	if all.all != size {
		return fmt.Errorf("%w: the pieces of %q do not fit", ErrBad, h.Name)
	}
	all.have += n
	u.stats.Bytes += n
	return nil
}

// finish gives what was made its owner, mode and time, in this order: each may undo the one after it.
func (u *Unpacker) finish(in *os.Root, name string, h *tar.Header) error {
	if u.owner && (h.Uid != 0 || h.Gid != 0) {
		// An owner that this user namespace does not have is left as it is.
		_ = in.Lchown(name, h.Uid, h.Gid)
	}
	if h.Typeflag == tar.TypeSymlink {
		return nil
	}
	if err := in.Chmod(name, fs.FileMode(h.Mode).Perm()); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeDir {
		return nil
	}
	return in.Chtimes(name, time.Time{}, h.ModTime)
}
