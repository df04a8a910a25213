package cache

import (
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestInventory(t *testing.T) {
	w := newWorld(t)
	inv, err := Take(t.Context(), w.options(""))
	if err != nil || len(inv.Kept) != 0 {
		t.Fatalf("an empty registry: %+v, %v", inv, err)
	}
	w.save("", "go-1", large(1))
	w.save("", "go-2", large(1))
	w.save("pull-7", "feature/x", map[string]string{"file": "one"})
	inv, err = Take(t.Context(), w.options(""))
	if err != nil || len(inv.Kept) != 3 {
		t.Fatalf("%+v, %v", inv, err)
	}
	newest, oldest := inv.Kept[0], inv.Kept[2]
	if newest.Key != "feature/x" || newest.Scope != "pull-7" || newest.Repository != w.host+"/team/app/cache/pull-requests" || newest.Content != 3 ||
		strings.Join(newest.Folders, " ") != "deps" {
		t.Errorf("%+v", newest)
	}
	if oldest.Key != "go-1" || oldest.Content != 15_000_001 || oldest.Size < 15_000_000 {
		t.Errorf("%+v", oldest)
	}
	if size := Size(inv.Kept); size > oldest.Size+10_000 {
		t.Errorf("caches with the same layers take %d bytes, of which one has %d", size, oldest.Size)
	}
	if err := inv.Delete(t.Context(), oldest); err != nil {
		t.Fatal(err)
	}
	inv, err = Take(t.Context(), w.options(""))
	if err != nil || len(inv.Kept) != 2 {
		t.Fatalf("%+v, %v", inv, err)
	}
	got, files := w.restore("", "go-1", "go-")
	w.want(got, files, "go-2", false, "1")
}

func TestTooMany(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	kept := func(days int, layers ...string) Kept {
		k := Kept{Saved: now.AddDate(0, 0, -days)}
		for _, l := range layers {
			k.layers = append(k.layers, v1.Descriptor{Size: 10, Digest: v1.Hash{Hex: l}})
		}
		return k
	}
	all := []Kept{kept(1, "a", "b"), kept(2, "a", "c"), kept(3, "d"), kept(9, "d")}
	for name, c := range map[string]struct {
		rules Rules
		stay  int
	}{
		"nothing is said":              {Rules{}, 4},
		"old ones":                     {Rules{Age: 5 * 24 * time.Hour}, 3},
		"none is so old":               {Rules{Age: 100 * 24 * time.Hour}, 4},
		"all are":                      {Rules{Age: time.Hour}, 0},
		"all have room":                {Rules{Size: 40}, 4},
		"a layer of two is freed once": {Rules{Size: 39}, 2},
		"one has room":                 {Rules{Size: 20}, 1},
		"none has":                     {Rules{Size: 19}, 0},
		"both":                         {Rules{Age: 5 * 24 * time.Hour, Size: 30}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := len(c.rules.TooMany(all, now)); got != len(all)-c.stay {
				t.Errorf("%d go, want %d", got, len(all)-c.stay)
			}
		})
	}
}
