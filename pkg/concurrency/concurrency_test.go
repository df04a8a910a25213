package concurrency

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/pkg/expr"
)

func TestOf(t *testing.T) {
	var vars expr.Vars
	vars.SetText("params.branch", "main")
	vars.Close("params")
	for _, tc := range []struct {
		why, pipeline string
		annotations   map[string]string
		want          *Group
		err           string
	}{
		{why: "no limit, no group", annotations: map[string]string{"key": "x", "policy": "Forbid"}, pipeline: "ci"},
		{why: "the Pipeline's name is the key", annotations: map[string]string{"limit": "1"}, pipeline: "ci", want: &Group{Key: "ci", Limit: 1, Policy: Queue}},
		{why: "a key with variables", annotations: map[string]string{"limit": "2", "key": "deploy-$(params.branch)", "policy": "Replace", "priority": "-3"},
			want: &Group{Key: "deploy-main", Limit: 2, Policy: Replace, Priority: -3}},
		{why: "no key at all", annotations: map[string]string{"limit": "1"}, err: "annotation slipway.dev/concurrency-key: missing"},
		{why: "an unknown variable", annotations: map[string]string{"limit": "1", "key": "$(params.brunch)"}, err: `annotation slipway.dev/concurrency-key: $(params.brunch): unknown variable; did you mean "params.branch"?`},
		{why: "no number", annotations: map[string]string{"limit": "one"}, err: `annotation slipway.dev/concurrency-limit: "one": use a number of at least 1`},
		{why: "room for none", annotations: map[string]string{"limit": "0"}, err: "use a number of at least 1"},
		{why: "no priority", annotations: map[string]string{"limit": "1", "priority": "high"}, err: `annotation slipway.dev/priority: "high": use a whole number`},
		{why: "no policy", annotations: map[string]string{"limit": "1", "policy": "queue"}, err: `annotation slipway.dev/concurrency-policy: "queue": use Queue, Replace or Forbid`},
	} {
		t.Run(tc.why, func(t *testing.T) {
			given := map[string]string{}
			for k, v := range tc.annotations {
				if k != "priority" {
					k = "concurrency-" + k
				}
				given["slipway.dev/"+k] = v
			}
			got, err := Of(given, tc.pipeline, vars)
			if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func at(second int) time.Time { return time.Unix(int64(second), 0) }

func waits(name string, second int) Run { return Run{Name: name, Created: at(second)} }
func runs(name string, second int) Run  { return Run{Name: name, Created: at(second), Running: true} }
func urgent(name string, second int) Run {
	return Run{Name: name, Created: at(second), Priority: 5}
}

func TestDecide(t *testing.T) {
	self := waits("me", 10)
	for _, tc := range []struct {
		why    string
		group  Group
		others []Run
		want   Verdict
	}{
		{"alone", Group{Limit: 1, Policy: Queue}, nil, Verdict{Start: true}},
		{"one runs", Group{Limit: 1, Policy: Queue}, []Run{runs("a", 1)}, Verdict{Place: 1, Running: []string{"a"}}},
		{"one runs of two that may", Group{Limit: 2, Policy: Queue}, []Run{runs("a", 1)}, Verdict{Start: true, Running: []string{"a"}}},
		{"one that waits longer takes the room", Group{Limit: 2, Policy: Queue}, []Run{runs("a", 1), waits("b", 2)}, Verdict{Place: 1, Running: []string{"a"}}},
		{"one that waits shorter does not", Group{Limit: 2, Policy: Queue}, []Run{runs("a", 1), waits("b", 11)}, Verdict{Start: true, Running: []string{"a"}}},
		{"one of the same second is told by its name", Group{Limit: 1, Policy: Queue}, []Run{waits("a", 10), waits("z", 10)}, Verdict{Place: 1}},
		{"one with priority goes first", Group{Limit: 1, Policy: Queue}, []Run{urgent("b", 11)}, Verdict{Place: 1}},
		{"more run than may", Group{Limit: 1, Policy: Queue}, []Run{runs("b", 1), runs("a", 1), waits("c", 1), waits("d", 2)}, Verdict{Place: 3, Running: []string{"a", "b"}}},
		{"refused", Group{Limit: 1, Policy: Forbid}, []Run{runs("a", 1)}, Verdict{Refused: true, Place: 1, Running: []string{"a"}}},
		{"not refused", Group{Limit: 2, Policy: Forbid}, []Run{runs("a", 1)}, Verdict{Start: true, Running: []string{"a"}}},
		{"replaces what runs", Group{Limit: 1, Policy: Replace}, []Run{runs("a", 1), waits("b", 2)}, Verdict{Place: 1, Running: []string{"a"}, Cancel: []string{"b", "a"}}},
		{"replaces the oldest of two", Group{Limit: 2, Policy: Replace}, []Run{runs("a", 1), runs("b", 2)}, Verdict{Place: 1, Running: []string{"a", "b"}, Cancel: []string{"a"}}},
		{"replaces none that is newer", Group{Limit: 1, Policy: Replace}, []Run{runs("a", 11)}, Verdict{Place: 1, Running: []string{"a"}}},
	} {
		t.Run(tc.why, func(t *testing.T) {
			got := tc.group.Decide(self, tc.others)
			if got.Start {
				got.Place = 0
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever the order in which runs are looked at, no more than the limit start, and all
// start in the end.
func TestEachRunStartsOnce(t *testing.T) {
	g := Group{Limit: 2, Policy: Queue}
	all := []Run{waits("a", 3), urgent("b", 4), waits("c", 1), waits("d", 1), urgent("e", 2)}
	var started []string
	for range all {
		for i := range all {
			others := slices.Delete(slices.Clone(all), i, i+1)
			if !all[i].Running && g.Decide(all[i], others).Start {
				all[i].Running = true
				started = append(started, all[i].Name)
			}
		}
		if n := len(slices.DeleteFunc(slices.Clone(all), func(r Run) bool { return !r.Running })); n > g.Limit {
			t.Fatalf("%d run", n)
		}
		all = slices.DeleteFunc(all, func(r Run) bool { return r.Running })
	}
	if diff := cmp.Diff([]string{"b", "e", "c", "d", "a"}, started); diff != "" {
		t.Error(diff)
	}
}

func TestFirst(t *testing.T) {
	var names []string
	for _, r := range First([]Run{waits("a", 3), urgent("b", 9), waits("c", 1)}, 2) {
		names = append(names, r.Name)
	}
	if diff := cmp.Diff([]string{"b", "c"}, names); diff != "" {
		t.Error(diff)
	}
}
