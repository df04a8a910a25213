package newrun

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/untrusted"
)

// The values of the last run are no safer in this one.
func TestStrangersStayStrangers(t *testing.T) {
	meta := metav1.ObjectMeta{Annotations: map[string]string{untrusted.Annotation: `["a;b"]`, "other": "x"}}
	run, err := OfPipeline(&v1.Pipeline{}, &v1.PipelineRun{ObjectMeta: meta}, Options{})
	if err != nil || !untrusted.Of(run.Annotations).In("a;b") || len(run.Annotations) != 1 {
		t.Errorf("%v, %v", run.Annotations, err)
	}
	of, err := OfTask(&v1.Task{}, &v1.TaskRun{ObjectMeta: meta}, Options{})
	if err != nil || !untrusted.Of(of.Annotations).In("a;b") {
		t.Errorf("%v, %v", of.Annotations, err)
	}
	if run, err = OfPipeline(&v1.Pipeline{}, nil, Options{}); err != nil || run.Annotations != nil {
		t.Errorf("without a last run: %v, %v", run.Annotations, err)
	}
}
