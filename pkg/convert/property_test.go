package convert

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const rounds = 25

func eachKind(t *testing.T, check func(t *testing.T, obj map[string]any, r *rand.Rand)) {
	for _, kind := range slices.Sorted(maps.Keys(Shapes)) {
		t.Run(kind, func(t *testing.T) {
			for seed := range uint64(rounds) {
				r := rand.New(rand.NewPCG(seed, 1))
				check(t, random(t, kind, r), r)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func mustConvert(t *testing.T, obj map[string]any, version string) map[string]any {
	t.Helper()
	before, _ := json.Marshal(obj)
	out, err := Convert(obj, version)
	if err != nil {
		t.Fatalf("to %s: %v\n%s", version, err, before)
	}
	if after, _ := json.Marshal(obj); string(after) != string(before) {
		t.Fatalf("to %s: the object given has changed:\n%s\n%s", version, before, after)
	}
	return out
}

// TestV1ThereAndBack: what v1 says survives a client of v1beta1.
func TestV1ThereAndBack(t *testing.T) {
	eachKind(t, func(t *testing.T, obj map[string]any, _ *rand.Rand) {
		old := mustConvert(t, obj, "v1beta1")
		if diff := cmp.Diff(obj, mustConvert(t, old, "v1")); diff != "" {
			t.Errorf("v1 to v1beta1 to v1 (-before +after):\n%s", diff)
		}
		if problems := Refused(old); len(problems) > 0 {
			t.Errorf("v1beta1 has names of v1: %v", problems)
		}
	})
}

// TestV1beta1ThereAndBack: what v1beta1 says survives in store, with what v1 has no
// place for.
func TestV1beta1ThereAndBack(t *testing.T) {
	used := map[string]bool{}
	eachKind(t, func(t *testing.T, obj map[string]any, r *rand.Rand) {
		old := mustConvert(t, obj, "v1beta1")
		age(old, r, used)
		stored := mustConvert(t, old, "v1")
		if diff := cmp.Diff(old, mustConvert(t, stored, "v1beta1")); diff != "" {
			t.Errorf("v1beta1 to v1 to v1beta1 (-before +after):\n%s", diff)
		}
		walk(map[string]any{"kind": obj["kind"], "spec": stored["spec"], "status": stored["status"]}, func(s *Shape, o map[string]any, at Path) {
			for field := range s.Gone {
				if _, ok := o[field]; ok {
					t.Errorf("v1 has %s", at.child(field))
				}
			}
		})
	})
	for _, field := range []string{"ports", "tty", "resources", "cloudEvents", "taskRuns", "bundle", "timeout"} {
		if !used[field] {
			t.Errorf("no object had %s: the test has lost its teeth", field)
		}
	}
}

// age puts into a v1beta1 object what only v1beta1 has.
func age(obj map[string]any, r *rand.Rand, used map[string]bool) {
	walk(obj, func(s *Shape, o map[string]any, _ Path) {
		for _, field := range slices.Sorted(maps.Keys(s.Gone)) {
			if r.IntN(4) == 0 {
				o[field] = []any{true, "text", []any{map[string]any{"name": "x", "n": int64(8080)}}, map[string]any{"a.b[0]": 1.5}}[r.IntN(4)]
				used[field] = true
			}
		}
		f := s.Folded
		if f == nil || r.IntN(2) == 0 {
			return
		}
		used[f.Field] = true
		switch delete(o, f.Into); f.Field {
		case timeoutField:
			o[timeoutField] = "1h0m0s"
		default:
			delete(o, paramsField)
			o[bundleField] = "registry.example.com/catalog:1"
			if r.IntN(3) > 0 {
				o[nameField] = "build"
			}
		}
	})
}
