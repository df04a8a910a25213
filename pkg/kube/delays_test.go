package kube

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// silent has nothing, and counts how often it is asked.
type silent struct {
	client.Reader
	asked int
}

func (s *silent) List(context.Context, client.ObjectList, ...client.ListOption) error {
	s.asked++
	return nil
}

func TestDelaysAreAskedForSeldom(t *testing.T) {
	var d Delays
	live, now := &silent{}, time.Unix(0, 0)
	for range 1000 {
		if _, _, err := d.Of(t.Context(), live, &corev1.Pod{}, now); err != nil {
			t.Fatal(err)
		}
		now = now.Add(10 * time.Millisecond)
	}
	if most := asksAtOnce + asksPerSecond*10; live.asked > most || live.asked < most-2 {
		t.Errorf("asked %d times in 10 s for 1000 Pods, want %d", live.asked, most)
	}
}
