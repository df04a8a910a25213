// Package env is what the end-to-end tests share: a namespace of its own on the
// real cluster for each test, typed clients, and waits that end with a deadline
// and with what was last seen.
package env

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	slipway "github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	resolution "github.com/slipway-dev/slipway/api/tekton/resolution/v1beta1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/api/tekton/v1beta1"
	triggers "github.com/slipway-dev/slipway/api/triggers/v1beta1"
)

// SystemNamespace is where Slipway itself is installed.
const SystemNamespace = "slipway-system"

// Env is one test's place on the cluster.
type Env struct {
	*testing.T
	// Namespace is the test's own; it is deleted when the test ends.
	Namespace string
	// Client reads and writes without a cache, so it sees what users see.
	Client client.WithWatch
	Kube   kubernetes.Interface
	Config *rest.Config
	// Registry is the HOST:PORT that nodes, pods and this process reach.
	Registry string
	// AuditLog is the path of the API server's audit log, or "" on a cluster
	// that does not show it.
	AuditLog string
}

// New gives the test a namespace. The cluster is the one that KUBECONFIG names.
func New(t *testing.T) *Env {
	t.Helper()
	path := os.Getenv("KUBECONFIG")
	if path == "" {
		t.Fatal("KUBECONFIG is not set; run `make cluster-up install`, then `eval $(make -s cluster-env)`")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	// The library complains on the test's output until it has a logger.
	log.SetLogger(logr.Discard())
	config.QPS, config.Burst, config.UserAgent = -1, -1, "slipway-e2e"
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1.AddToScheme, v1beta1.AddToScheme, resolution.AddToScheme, slipway.AddToScheme, triggers.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	e := &Env{T: t, Client: c, Kube: kubernetes.NewForConfigOrDie(config), Config: config,
		Registry: os.Getenv("SLIPWAY_REGISTRY"), AuditLog: os.Getenv("SLIPWAY_AUDIT_LOG")}
	e.namespace()
	return e
}

// PastAdmission is the same place as it is while nobody answers the API server's
// webhooks: what it creates was not looked at. It writes under the name that they
// are not called for, and so takes nothing from tests that run beside it.
func (e *Env) PastAdmission() *Env {
	e.Helper()
	past := *e
	past.Config = rest.CopyConfig(e.Config)
	past.Config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + SystemNamespace + ":controller", Groups: []string{"system:masters"}}
	c, err := client.NewWithWatch(past.Config, client.Options{Scheme: e.Client.Scheme()})
	if err != nil {
		e.Fatal(err)
	}
	past.Client = c
	return &past
}

func (e *Env) namespace() {
	e.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-", Labels: map[string]string{"slipway.dev/e2e": "true"}}}
	if err := e.Client.Create(e.Context(), ns); err != nil {
		e.Fatal(err)
	}
	e.Namespace = ns.Name
	e.Cleanup(func() {
		if e.Failed() {
			e.dump()
		}
		if e.Failed() && os.Getenv("E2E_KEEP") != "" {
			e.Logf("kept namespace %s", ns.Name)
			return
		}
		if err := e.Client.Delete(context.Background(), ns); client.IgnoreNotFound(err) != nil {
			e.Errorf("deleting namespace %s: %v", ns.Name, err)
		}
	})
	// Pods need the account, which a controller makes a moment later.
	Wait(e, 30*time.Second, "the default service account", func() (bool, string) {
		_, err := e.Kube.CoreV1().ServiceAccounts(e.Namespace).Get(e.Context(), "default", metav1.GetOptions{})
		return err == nil, fmt.Sprint(err)
	})
}

// Create makes the object in the test's namespace.
func (e *Env) Create(obj client.Object) {
	e.Helper()
	obj.SetNamespace(e.Namespace)
	if err := e.Client.Create(e.Context(), obj); err != nil {
		e.Fatalf("creating %T: %v", obj, err)
	}
}

// Wait polls until done says true, and fails the test after the deadline with
// what was last seen. What takes long is looked at less often, as many who look leave
// the machine little time for what they wait for.
func Wait(t testing.TB, deadline time.Duration, what string, done func() (bool, string)) {
	t.Helper()
	poll(t, deadline, 500*time.Millisecond, what, done)
}

// Catch is a Wait for what is over soon after it came: it looks often all the time.
func Catch(t testing.TB, deadline time.Duration, what string, done func() (bool, string)) {
	t.Helper()
	poll(t, deadline, shortest, what, done)
}

const shortest = 50 * time.Millisecond

func poll(t testing.TB, deadline, longest time.Duration, what string, done func() (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for started := time.Now(); ; {
		ok, seen := done()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited %s for %s; last seen: %s", deadline, what, seen)
		case <-time.After(min(max(time.Since(started)/10, shortest), longest)):
		}
	}
}

// TaskRunDone waits until the TaskRun has ended, and returns it.
func (e *Env) TaskRunDone(name string, deadline time.Duration) *v1.TaskRun {
	e.Helper()
	return e.TaskRunWhen(name, deadline, "to end", (*v1.TaskRun).IsDone)
}

// TaskRunWhen waits until the TaskRun satisfies when.
func (e *Env) TaskRunWhen(name string, deadline time.Duration, what string, when func(*v1.TaskRun) bool) *v1.TaskRun {
	e.Helper()
	tr := &v1.TaskRun{}
	Wait(e, deadline, "taskrun "+name+" "+what, func() (bool, string) {
		err := e.Client.Get(e.Context(), client.ObjectKey{Namespace: e.Namespace, Name: name}, tr)
		return err == nil && when(tr), seen(err, tr.Status.GetCondition(v1.ConditionSucceeded))
	})
	return tr
}

// PipelineRunDone waits until the PipelineRun has ended, and returns it.
func (e *Env) PipelineRunDone(name string, deadline time.Duration) *v1.PipelineRun {
	e.Helper()
	return e.PipelineRunWhen(name, deadline, "to end", (*v1.PipelineRun).IsDone)
}

// PipelineRunWhen waits until the PipelineRun satisfies when.
func (e *Env) PipelineRunWhen(name string, deadline time.Duration, what string, when func(*v1.PipelineRun) bool) *v1.PipelineRun {
	e.Helper()
	pr := &v1.PipelineRun{}
	Wait(e, deadline, "pipelinerun "+name+" "+what, func() (bool, string) {
		err := e.Client.Get(e.Context(), client.ObjectKey{Namespace: e.Namespace, Name: name}, pr)
		return err == nil && when(pr), seen(err, pr.Status.GetCondition(v1.ConditionSucceeded))
	})
	return pr
}

func seen(err error, c *v1.Condition) string {
	if err != nil {
		return err.Error()
	}
	if c == nil {
		return "no condition"
	}
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}

// PodOf returns the Pod of a TaskRun that has one.
func (e *Env) PodOf(tr *v1.TaskRun) *corev1.Pod {
	e.Helper()
	pod, err := e.Kube.CoreV1().Pods(tr.Namespace).Get(e.Context(), tr.Status.PodName, metav1.GetOptions{})
	if err != nil {
		e.Fatalf("pod of taskrun %s: %v", tr.Name, err)
	}
	return pod
}

// ContainerLog returns what one container of a Pod has printed so far.
func (e *Env) ContainerLog(pod, container string) string {
	e.Helper()
	stream, err := e.Kube.CoreV1().Pods(e.Namespace).GetLogs(pod, &corev1.PodLogOptions{Container: container}).Stream(e.Context())
	if err != nil {
		e.Fatalf("log of %s/%s: %v", pod, container, err)
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	if err != nil {
		e.Fatalf("log of %s/%s: %v", pod, container, err)
	}
	return string(text)
}

// Gone says whether the object no longer exists.
func (e *Env) Gone(obj client.Object) bool {
	err := e.Client.Get(e.Context(), client.ObjectKeyFromObject(obj), obj)
	return apierrors.IsNotFound(err)
}

// WantFailure fails the test unless the condition is False with the reason, and
// with each text in its message.
func (e *Env) WantFailure(c *v1.Condition, reason string, texts ...string) {
	e.Helper()
	if c == nil || c.Status != corev1.ConditionFalse || c.Reason != reason {
		e.Fatalf("condition is %+v, want False with reason %s", c, reason)
	}
	for _, text := range texts {
		if !strings.Contains(c.Message, text) {
			e.Errorf("message %q does not say %q", c.Message, text)
		}
	}
}

// CreateYAML makes one object of type T from YAML, without its namespace, in the
// test's namespace. A field that the API server does not know fails the test.
func CreateYAML[T any, P interface {
	*T
	client.Object
}](e *Env, text string) P {
	e.Helper()
	obj, doc := P(new(T)), &unstructured.Unstructured{}
	gvk, err := e.Client.GroupVersionKindFor(obj)
	if err == nil {
		err = yaml.UnmarshalStrict([]byte(text), &doc.Object)
	}
	if err == nil {
		doc.SetGroupVersionKind(gvk)
		doc.SetNamespace(e.Namespace)
		err = e.Client.Create(e.Context(), doc, client.FieldValidation(metav1.FieldValidationStrict))
	}
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(doc.Object, obj)
	}
	if err != nil {
		e.Fatalf("%v in:\n%s", err, text)
	}
	return obj
}

// TryYAML returns what the API server says to the creation of such an object,
// which is not stored.
func TryYAML[T any, P interface {
	*T
	client.Object
}](e *Env, text string) error {
	e.Helper()
	obj := P(new(T))
	if err := yaml.UnmarshalStrict([]byte(text), obj); err != nil {
		e.Fatalf("%v in:\n%s", err, text)
	}
	obj.SetNamespace(e.Namespace)
	return e.Client.Create(e.Context(), obj, client.DryRunAll)
}
