package fleet

import (
	"bytes"
	"strconv"
	"testing"
	"text/template"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/compile"
	"github.com/slipway-dev/slipway/pkg/observe"
)

// render does what kwok does with a template.
func render(t *testing.T, text string, pod *corev1.Pod) {
	t.Helper()
	source, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	var data any
	if err := yaml.Unmarshal(source, &data); err != nil {
		t.Fatal(err)
	}
	parsed, err := template.New("").Funcs(template.FuncMap{"Quote": strconv.Quote,
		"Now": func() string { return time.Now().Format(time.RFC3339Nano) }}).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(out.Bytes(), &pod.Status); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
}

// What the fleet makes of a Pod is what the controller takes for a run that goes on, and
// then for one that has succeeded.
func TestStagesAreWhatThePodOfARunGoesThrough(t *testing.T) {
	spec := &v1.TaskSpec{Steps: []v1.Step{{Name: "a", Image: "i", Command: []string{"true"}}, {Name: "b", Image: "i", Command: []string{"true"}}}}
	pod, err := compile.Pod(compile.Input{Name: "run-pod", Owner: compile.Owner{Namespace: "ns", Name: "run", UID: "u"},
		Tasks: []compile.Task{{Spec: spec}}, Options: compile.Options{EntrypointImage: "e"}})
	if err != nil {
		t.Fatal(err)
	}
	pod.CreationTimestamp = metav1.Now()
	in := observe.Input{Run: "run", Spec: spec, Pod: pod}
	if p := observe.Pod(in); p.Running {
		t.Errorf("runs before it was started: %+v", p)
	}
	render(t, runs, pod)
	if p := observe.Pod(in); !p.Running || p.Done() {
		t.Errorf("does not run: %+v", p)
	}
	render(t, over, pod)
	p := observe.Pod(in)
	if !p.Done() || p.Status != corev1.ConditionTrue || time.Since(p.FinishedAt) > time.Minute {
		t.Errorf("has not succeeded: %+v", p)
	}
	for _, s := range p.Steps {
		if s.TerminationReason != "Completed" {
			t.Errorf("step %s ended with %q", s.Name, s.TerminationReason)
		}
	}
}
