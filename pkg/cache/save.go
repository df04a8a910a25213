package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/pkg/cache/archive"
	"github.com/slipway-dev/slipway/pkg/cache/key"
)

// Save keeps the folders as they are now under the key, unless something is kept under it already, and reports whether
// something is there now. Content that the repository has is not pushed again. What is pushed becomes a cache by one last
// write. An error is about the request alone; whatever else goes wrong is a warning.
func Save(ctx context.Context, o Options, wanted string) (bool, error) {
	s, err := openStore(o)
	if err != nil {
		return false, err
	}
	tag, err := key.Tag(s.places[0].space, wanted, o.Now())
	if err != nil {
		return false, usagef("%v", err)
	}
	for _, f := range o.Folders {
		if info, err := os.Lstat(f.Path); err != nil {
			o.warn(fmt.Errorf("nothing is saved: %w", err))
			return false, nil
		} else if !info.IsDir() {
			return false, usagef("%s is no folder", f.Path)
		}
	}
	for _, saved := range s.list(ctx, func(error) {}) {
		if saved.Key == wanted {
			o.note("%s was saved at %s already", wanted, saved.At.Format(time.RFC3339))
			return true, nil
		}
	}
	if err := s.save(ctx, o, wanted, tag); err != nil {
		o.warn(fmt.Errorf("%s is not saved in %s: %w", wanted, s.places[0].repository, explain(err)))
		return false, nil
	}
	return true, nil
}

func explain(err error) error {
	if isStatus(err, http.StatusUnauthorized, http.StatusForbidden) {
		return fmt.Errorf("this run may not push there: %w", err)
	}
	return err
}

func (s *store) save(ctx context.Context, o Options, wanted, tag string) error {
	started := o.Now()
	p := pushing{store: s}
	stats, err := p.run(ctx, folderPaths(o.Folders))
	if err != nil {
		return err
	}
	for i, file := range stats.LeftOut[:min(len(stats.LeftOut), 5)] {
		o.warn(fmt.Errorf("%s leads out of its folder, or is no file, and is left out%s", file, more(i, len(stats.LeftOut))))
	}
	names, err := json.Marshal(folderNames(o.Folders))
	if err != nil {
		return err
	}
	annotations := map[string]string{AnnotationCreated: o.Now().UTC().Format(time.RFC3339), AnnotationKey: wanted,
		AnnotationFolders: string(names), AnnotationBytes: strconv.FormatInt(stats.Bytes, 10)}
	if o.Scope != "" {
		annotations[AnnotationScope] = o.Scope
	}
	if err := s.tag(ctx, tag, p.layers, annotations); err != nil {
		return err
	}
	o.note("saved %s: %d files, %s in %d packs, of which %s in %d were pushed, in %s", wanted, stats.Files, Bytes(stats.Bytes),
		len(p.layers), Bytes(p.sent), p.pushed, o.Now().Sub(started).Round(time.Millisecond))
	return nil
}

func more(i, all int) string {
	if i < 4 || all <= 5 {
		return ""
	}
	return fmt.Sprintf("; so are %d more", all-5)
}

// pushing brings packs to the registry, several at once, and holds them in memory alone.
type pushing struct {
	store *store

	mu     sync.Mutex
	layers []v1.Descriptor
	sent   int64
	pushed int
}

// numbered is a pack and its place among the layers.
type numbered struct {
	index int
	archive.Pack
}

func (p *pushing) run(ctx context.Context, folders []string) (archive.Stats, error) {
	var stats archive.Stats
	packs := make(chan numbered)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(packs)
		var err error
		count := 0
		stats, err = archive.Scan(ctx, folders, func(pack archive.Pack) error {
			count++
			select {
			case packs <- numbered{count - 1, pack}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		return err
	})
	for range workers() {
		group.Go(func() error { return p.work(ctx, packs) })
	}
	err := group.Wait()
	return stats, err
}

func (p *pushing) work(ctx context.Context, packs <-chan numbered) error {
	var buf bytes.Buffer
	// One goroutine for each encoder: then the same content makes the same bytes.
	encoder, err := zstd.NewWriter(&buf, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	for pack := range packs {
		buf.Reset()
		encoder.Reset(&buf)
		err := pack.Write(encoder)
		if err := errors.Join(err, encoder.Close()); err != nil {
			return err
		}
		layer, sent, err := p.store.put(ctx, buf.Bytes(), packType)
		if err != nil {
			return err
		}
		p.note(pack.index, layer, sent)
	}
	return nil
}

func (p *pushing) note(index int, layer v1.Descriptor, sent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.layers) <= index {
		p.layers = append(p.layers, v1.Descriptor{})
	}
	p.layers[index] = layer
	if sent {
		p.pushed++
		p.sent += layer.Size
	}
}
