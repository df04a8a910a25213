package customrun

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
)

type witness struct{ seen []string }

func (w *witness) CustomRunSeen(before, after *v1beta1.CustomRun) {
	was := "new"
	if before != nil {
		was = before.Name
	}
	w.seen = append(w.seen, was+" > "+after.Name)
}

// A controller that starts does not tell again of the runs that it finds, but of
// those that were made while none was there.
func TestHandler(t *testing.T) {
	named := func(name string) *v1beta1.CustomRun {
		return &v1beta1.CustomRun{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	w := &witness{}
	h := handler(w)
	found := named("found")
	found.Status.SetCondition(v1.Condition{Type: v1.ConditionSucceeded, Status: "Unknown"})
	h.OnAdd(found, true)
	h.OnAdd(named("missed"), true)
	h.OnAdd(named("a"), false)
	h.OnUpdate(named("a"), named("b"))
	h.OnDelete(named("b"))
	if want := []string{"new > missed", "new > a", "a > b"}; !slices.Equal(w.seen, want) {
		t.Errorf("told %q, want %q", w.seen, want)
	}
}
