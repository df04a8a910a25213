package taskrun

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// made remembers the Pods that this process made for runs that go on: the cache
// shows them a little later, and the status names them when their steps start.
// A Pod that was there and is gone is not made a second time.
type made struct {
	mu   sync.Mutex
	pods map[types.UID]*madePod
}

// madePod is a Pod of one attempt.
type madePod struct {
	attempt int
	at      time.Time
	// seen says that the cache has shown the Pod.
	seen bool
	// stopped is when the Pod was told to end; zero when it was not.
	stopped time.Time
	spec    *resolvedSpec
}

// resolvedSpec is what an attempt runs and where it came from.
type resolvedSpec struct {
	task       *v1.TaskSpec
	provenance *v1.Provenance
	// steps holds the provenance of steps that a StepAction describes.
	steps map[int]*v1.Provenance
	// workspaces are the volumes of the Task, the installation's among them.
	workspaces []v1.WorkspaceBinding
	// labels and annotations are what the run takes from its Task and lacks.
	labels, annotations map[string]string
	// elsewhere says that a resolver found some of it, just now: it is not pinned yet.
	elsewhere bool
}

func (m *made) put(run types.UID, p *madePod) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pods == nil {
		m.pods = map[types.UID]*madePod{}
	}
	m.pods[run] = p
}

// get returns a copy of what is known of an attempt, or nil.
func (m *made) get(run types.UID, attempt int) *madePod {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.pods[run]
	if !ok || p.attempt != attempt {
		return nil
	}
	c := *p
	return &c
}

func (m *made) seen(run types.UID, attempt int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.pods[run]; ok && p.attempt == attempt {
		p.seen = true
	}
}

func (m *made) stop(run types.UID, attempt int, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pods == nil {
		m.pods = map[types.UID]*madePod{}
	}
	p, ok := m.pods[run]
	if !ok || p.attempt != attempt {
		p = &madePod{attempt: attempt, at: at, seen: true}
		m.pods[run] = p
	}
	if p.stopped.IsZero() {
		p.stopped = at
	}
}

func (m *made) forget(run types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pods, run)
}
