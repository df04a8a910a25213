package kube

import (
	"net/http"
	"net/http/httptest"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

func TestRuns(t *testing.T) {
	scheme, err := Scheme()
	if err != nil {
		t.Fatal(err)
	}
	runs := Runs{Cache: fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "x"}}, &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "b", Name: "x"}},
		&v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "x"}}).Build()}
	taskRuns, err := runs.TaskRuns()
	if err != nil || len(taskRuns) != 2 {
		t.Errorf("TaskRuns: %d, %v, want those of both namespaces", len(taskRuns), err)
	}
	pipelineRuns, err := runs.PipelineRuns()
	if err != nil || len(pipelineRuns) != 1 {
		t.Errorf("PipelineRuns: %d, %v", len(pipelineRuns), err)
	}
}

func TestSynced(t *testing.T) {
	for _, synced := range []bool{false, true} {
		err := Synced(&informertest.FakeInformers{Synced: &synced})(httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if (err == nil) != synced {
			t.Errorf("with caches that are full (%t), ready says %v", synced, err)
		}
	}
}
