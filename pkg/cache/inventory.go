package cache

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/pkg/cache/key"
)

// Kept is one cache in a registry.
type Kept struct {
	// Repository is the one it is in: that which was asked for, or that of its pull requests.
	Repository string    `json:"repository"`
	Key        string    `json:"key"`
	Folders    []string  `json:"folders"`
	Scope      string    `json:"scope,omitempty"`
	Saved      time.Time `json:"saved"`
	// Size is what its layers have, compressed, and Content what its files have, in bytes.
	Size    int64  `json:"size"`
	Content int64  `json:"content"`
	Tag     string `json:"tag"`

	digest v1.Hash
	layers []v1.Descriptor
}

// Inventory is the caches of a repository and of its pull requests.
type Inventory struct {
	store *store
	// Kept are they, the newest first.
	Kept []Kept
}

// Take lists the caches of a repository; Options' Folders and Scope are of no account. What others keep there is left out.
func Take(ctx context.Context, o Options) (*Inventory, error) {
	s, err := openStore(o)
	if err != nil {
		return nil, err
	}
	own := s.places[len(s.places)-1].repository
	inv := &Inventory{store: s}
	for _, repository := range []name.Repository{own, own.Registry.Repo(own.RepositoryStr(), PullRequests)} {
		if err := inv.add(ctx, repository); err != nil {
			return nil, fmt.Errorf("%s: %w", repository, err)
		}
	}
	slices.SortFunc(inv.Kept, func(a, b Kept) int { return cmp.Or(b.Saved.Compare(a.Saved), strings.Compare(a.Tag, b.Tag)) })
	return inv, nil
}

func (inv *Inventory) add(ctx context.Context, repository name.Repository) error {
	tags, err := inv.store.puller.List(ctx, repository)
	if isStatus(err, http.StatusNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, tag := range tags {
		space, _, _ := strings.Cut(tag, ".")
		saved, ok := key.Parse(space, tag)
		if !ok {
			continue
		}
		group.Go(func() error {
			kept, ok, err := inv.look(ctx, repository.Tag(tag), saved)
			if ok && err == nil {
				mu.Lock()
				defer mu.Unlock()
				inv.Kept = append(inv.Kept, kept)
			}
			return err
		})
	}
	return group.Wait()
}

// look reads the manifest of a cache; false is something else, or what went away meanwhile.
func (inv *Inventory) look(ctx context.Context, tag name.Tag, saved key.Saved) (Kept, bool, error) {
	desc, err := inv.store.puller.Get(ctx, tag)
	if isStatus(err, http.StatusNotFound) {
		return Kept{}, false, nil
	} else if err != nil {
		return Kept{}, false, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(desc.Manifest))
	if err != nil || m.ArtifactType != ArtifactType {
		return Kept{}, false, nil
	}
	kept := Kept{Repository: tag.Context().String(), Key: saved.Key, Scope: m.Annotations[AnnotationScope], Saved: saved.At,
		Tag: saved.Tag, digest: desc.Digest, layers: m.Layers}
	// What cannot be read is left empty: it is for people.
	_ = json.Unmarshal([]byte(m.Annotations[AnnotationFolders]), &kept.Folders)
	kept.Content, _ = strconv.ParseInt(m.Annotations[AnnotationBytes], 10, 64)
	for _, l := range m.Layers {
		kept.Size += l.Size
	}
	return kept, true, nil
}

// Size is what caches take together, in bytes: each layer once.
func Size(kept []Kept) (sum int64) {
	seen := map[v1.Hash]bool{}
	for _, k := range kept {
		for _, l := range k.layers {
			if !seen[l.Digest] {
				seen[l.Digest] = true
				sum += l.Size
			}
		}
	}
	return sum
}

// Rules say which caches are too many; a zero says nothing.
type Rules struct {
	// Age is how old a cache may be.
	Age time.Duration
	// Size is what all may take together, in bytes; the oldest go first.
	Size int64
}

// TooMany returns those that the rules are against, the oldest last, as kept has them.
func (r Rules) TooMany(kept []Kept, now time.Time) []Kept {
	stay := len(kept)
	if r.Age > 0 {
		stay = slices.IndexFunc(kept, func(k Kept) bool { return now.Sub(k.Saved) > r.Age })
		if stay < 0 {
			stay = len(kept)
		}
	}
	for r.Size > 0 && stay > 0 && Size(kept[:stay]) > r.Size {
		stay--
	}
	return kept[stay:]
}

// Delete takes a cache out of the registry; its layers go when the registry next collects its garbage.
func (inv *Inventory) Delete(ctx context.Context, k Kept) error {
	repository, err := name.NewRepository(k.Repository)
	if err != nil {
		return err
	}
	// Not every registry deletes a tag by its name, and not every one deletes the tags of a manifest with it.
	_ = inv.store.pusher.Delete(ctx, repository.Tag(k.Tag))
	err = inv.store.pusher.Delete(ctx, repository.Digest(k.digest.String()))
	if isStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}
