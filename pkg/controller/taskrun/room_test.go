package taskrun

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// A quota that changes lets those try that have waited longest, as many as it has room
// for, and none that has its Pod.
func TestRoom(t *testing.T) {
	h := build(t, taskRun())
	born := h.clock
	wait := func(namespace, name string, age time.Duration) {
		h.waiters.Add(&v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, CreationTimestamp: metav1.NewTime(born.Add(-age))}})
	}
	wait(key.Namespace, "young", time.Second)
	wait(key.Namespace, "old", time.Hour)
	wait(key.Namespace, "middle", time.Minute)
	wait("elsewhere", "oldest", 2*time.Hour)
	quota := func(resource corev1.ResourceName, hard, used string) *corev1.ResourceQuota {
		return &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "q"},
			Status: corev1.ResourceQuotaStatus{Hard: list(resource, hard), Used: list(resource, used)}}
	}
	told := func(q *corev1.ResourceQuota) []string {
		var names []string
		for _, r := range h.room(t.Context(), q) {
			names = append(names, r.Name)
		}
		return names
	}
	for name, tc := range map[string]struct {
		quota *corev1.ResourceQuota
		want  []string
	}{
		"full":               {quota("pods", "10", "10"), nil},
		"over":               {quota("pods", "5", "10"), nil},
		"room for two":       {quota("count/pods", "10", "8"), []string{"old", "middle"}},
		"room for more":      {quota("pods", "10", "0"), []string{"old", "middle", "young"}},
		"of something else":  {quota("requests.cpu", "10", "10"), []string{"old", "middle", "young"}},
		"not counted as yet": {quota("pods", "1", "0"), []string{"old"}},
	} {
		if diff := cmp.Diff(tc.want, told(tc.quota)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func list(name corev1.ResourceName, value string) corev1.ResourceList {
	return corev1.ResourceList{name: resource.MustParse(value)}
}

// Of many that wait the later ones look less often, and one that got its Pod, or ended,
// waits no more.
func TestWaitersLeave(t *testing.T) {
	h := build(t, taskRun(func(r *v1.TaskRun) { r.CreationTimestamp = metav1.Now() }))
	h.waiters.Add(&v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "before"}})
	h.refuse = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "ci-pod", errors.New("exceeded quota: q"))
	if wait := h.reconcile().RequeueAfter; wait != quotaRetry+quotaStep {
		t.Errorf("the second looks again after %s", wait)
	}
	h.refuse = nil
	h.reconcile()
	h.pod("ci-pod")
	if left := h.waiters.First(key.Namespace, 10); len(left) != 1 || left[0].Name != "before" {
		t.Errorf("%v wait", left)
	}
}
