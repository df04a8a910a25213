package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// PAX records of a piece of a file: the offset of its first byte, and the whole file's size.
const (
	paxOffset = "SLIPWAY.offset"
	paxSize   = "SLIPWAY.size"
)

// ErrChanged is wrapped by the error of a file that is written to while it is packed.
var ErrChanged = errors.New("changed while it was read")

// Write writes the pack as a tar archive. The same files make the same bytes.
func (p Pack) Write(w io.Writer) error {
	tw := tar.NewWriter(w)
	buf := make([]byte, 64<<10)
	for _, e := range p.parts {
		h, err := e.header()
		if err != nil {
			return err
		}
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("%s: %w", e.file, err)
		}
		if h.Typeflag == tar.TypeReg && e.length > 0 {
			if err := e.copyTo(tw, buf); err != nil {
				return err
			}
		}
	}
	return tw.Close()
}

func (e part) header() (*tar.Header, error) {
	h := &tar.Header{Format: tar.FormatPAX, Name: e.name, Mode: int64(e.info.Mode().Perm())}
	if owner, ok := e.info.Sys().(*syscall.Stat_t); ok {
		h.Uid, h.Gid = int(owner.Uid), int(owner.Gid)
	}
	switch {
	case e.info.IsDir():
		h.Typeflag = tar.TypeDir
		h.Name += "/"
	case e.info.Mode().Type() == fs.ModeSymlink:
		target, err := os.Readlink(e.file)
		if err != nil {
			return nil, err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, target
	default:
		h.Typeflag, h.Size, h.ModTime = tar.TypeReg, e.length, e.info.ModTime()
		if size := e.info.Size(); e.length < size {
			h.PAXRecords = map[string]string{paxOffset: strconv.FormatInt(e.offset, 10), paxSize: strconv.FormatInt(size, 10)}
		}
	}
	return h, nil
}

func (e part) copyTo(w io.Writer, buf []byte) error {
	f, err := os.Open(e.file)
	if err != nil {
		return err
	}
	defer f.Close()
	now, err := f.Stat()
	if err != nil {
		return err
	}
	if now.Size() != e.info.Size() || !now.ModTime().Equal(e.info.ModTime()) {
		return fmt.Errorf("%s %w", e.file, ErrChanged)
	}
	n, err := io.CopyBuffer(w, io.NewSectionReader(f, e.offset, e.length), buf)
	if err == nil && n < e.length {
		err = ErrChanged
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.file, err)
	}
	return nil
}
