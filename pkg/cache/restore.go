package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/pkg/cache/archive"
	"github.com/slipway-dev/slipway/pkg/cache/key"
)

// tries is how many caches are tried, one after the other, where those that fit better turn out to be damaged.
const tries = 3

// Restored says what became of a Restore.
type Restored struct {
	// Key is that of the cache which was restored; empty is a miss.
	Key string
	// Exact is whether it is the key that was asked for.
	Exact bool
}

// Restore puts the folders into their places as they were when the best that fits the key was saved: what has the key
// itself, or else the newest that begins with one of the prefixes. The folders come into place whole or not at all. An error is
// about the request alone; whatever else goes wrong is a warning and a miss.
func Restore(ctx context.Context, o Options, wanted string, prefixes []string) (Restored, error) {
	s, err := openStore(o)
	if err != nil {
		return Restored{}, err
	}
	if _, err := key.Tag(s.places[0].space, wanted, o.Now()); err != nil {
		return Restored{}, usagef("%v", err)
	}
	for _, f := range o.Folders {
		switch err := archive.Check(f.Path); {
		case errors.Is(err, archive.ErrOccupied):
			o.warn(fmt.Errorf("%w and is left as it is: restore a cache before something fills its folder", err))
			return Restored{}, nil
		case errors.Is(err, archive.ErrPlace):
			return Restored{}, usagef("%v", err)
		case err != nil:
			o.warn(err)
			return Restored{}, nil
		}
	}
	fits := key.Choose(s.list(ctx, o.warn), wanted, prefixes)
	for _, saved := range fits[:min(len(fits), tries)] {
		if err := s.restore(ctx, o, saved); err != nil {
			o.warn(fmt.Errorf("%s of %s is not restored: %w", saved.Key, saved.At.Format(time.RFC3339), err))
			continue
		}
		return Restored{Key: saved.Key, Exact: saved.Key == wanted}, nil
	}
	return Restored{}, nil
}

func (s *store) restore(ctx context.Context, o Options, saved key.Saved) error {
	started := o.Now()
	m, err := s.manifest(ctx, saved, folderNames(o.Folders))
	if err != nil {
		return err
	}
	stage, err := archive.NewStage(folderPaths(o.Folders))
	if err != nil {
		return err
	}
	defer stage.Discard()
	stats, err := s.fill(ctx, saved.Place, m.Layers, stage.Folders())
	if err == nil {
		err = stage.Commit()
	}
	if err != nil {
		return err
	}
	var fetched int64
	for _, l := range m.Layers {
		fetched += l.Size
	}
	o.note("restored %s, saved %s: %d files, %s, of which %s in %d packs were fetched, in %s", saved.Key, saved.At.Format(time.RFC3339),
		stats.Files, Bytes(stats.Bytes), Bytes(fetched), len(m.Layers), o.Now().Sub(started).Round(time.Millisecond))
	return nil
}

// fill fetches the packs, several at once, and unpacks each when it is whole.
func (s *store) fill(ctx context.Context, from int, layers []v1.Descriptor, folders []string) (archive.Stats, error) {
	u, err := archive.NewUnpacker(folders)
	if err != nil {
		return archive.Stats{}, err
	}
	defer u.Close()
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(workers(), len(layers)) {
		group.Go(func() error {
			reader, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
			if err != nil {
				return err
			}
			defer reader.Close()
			var buf []byte
			for i := next.Add(1) - 1; i < int64(len(layers)); i = next.Add(1) - 1 {
				if buf, err = s.pack(ctx, from, layers[i], buf); err != nil {
					return err
				}
				if err := reader.Reset(bytes.NewReader(buf)); err != nil {
					return err
				}
				if err := u.Unpack(reader); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return archive.Stats{}, err
	}
	return u.Finish()
}
