package measure

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/test/bench/lab"
)

func TestFigures(t *testing.T) {
	second := func(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }
	c := Case{Name: "one step", Ways: []Way{{Name: "bare Pods"}, {Name: "slipway"}}}
	got := figures(c, [][]lab.Sample{
		{{lab.Ended: second(1), lab.Phase: second(4)}, {lab.Ended: second(3), lab.Phase: second(2)}, {lab.Ended: second(2), lab.Phase: second(9)}},
		{{lab.Done: second(1)}, {lab.Done: second(3)}},
	})
	want := []Figure{
		{Case: "one step", Way: "bare Pods", Mark: lab.Ended, N: 3, Median: 2, Min: 1, Max: 3, ToPhase: 0.5, ToEnded: 1},
		{Case: "one step", Way: "bare Pods", Mark: lab.Phase, N: 3, Median: 4, Min: 2, Max: 9, ToPhase: 1, ToEnded: 2},
		{Case: "one step", Way: "slipway", Mark: lab.Done, N: 2, Median: 2, Min: 1, Max: 3, ToPhase: 0.5, ToEnded: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSlug(t *testing.T) {
	if got := slug("50 at Once"); got != "50-at--nce" {
		t.Error(got)
	}
}
