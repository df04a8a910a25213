package attest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/provenance"
	"github.com/slipway-dev/slipway/pkg/sign"
)

var (
	keyName = types.NamespacedName{Namespace: "slipway-system", Name: "signing-secrets"}
	ended   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// world is a cluster, a registry with one image, a key and a clock.
type world struct {
	*testing.T
	Config
	image   string
	public  []byte
	now     time.Time
	down    atomic.Bool
	patches int
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	t.Helper()
	w := &world{T: t, now: ended.Add(time.Minute)}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	w.image = push(t, strings.TrimPrefix(server.URL, "http://")+"/team/app")
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), v1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			w.patches++
			return c.Patch(ctx, o, p, opts...)
		},
	}).Build()
	clock := func() time.Time { return w.now }
	w.Config = Config{Client: c, BuilderID: "https://builder.example", GiveUpAfter: 24 * time.Hour, Now: clock,
		Keyring: NewKeyring(c, keyName, sign.Options{Transport: w}, clock)}
	return w
}

// RoundTrip is the way to the registry.
func (w *world) RoundTrip(req *http.Request) (*http.Response, error) {
	if w.down.Load() {
		return nil, errors.New("connection refused")
	}
	return http.DefaultTransport.RoundTrip(req)
}

func push(t *testing.T, repository string) string {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(repository + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return repository + "@" + digest.String()
}

// giveKey makes the Secret.
func (w *world) giveKey() *world {
	w.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.Fatal(err)
	}
	der, err1 := x509.MarshalPKCS8PrivateKey(private)
	box, err2 := encrypted.Encrypt(der, []byte("secret"))
	pub, err3 := x509.MarshalPKIXPublicKey(private.Public())
	if err := errors.Join(err1, err2, err3); err != nil {
		w.Fatal(err)
	}
	w.public = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub})
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: keyName.Namespace, Name: keyName.Name}, Data: map[string][]byte{
		sign.SecretKey:      pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: box}),
		sign.SecretPassword: []byte("secret"),
		sign.SecretPublic:   w.public,
	}})
	return w
}

func (w *world) create(o client.Object) {
	w.Helper()
	if err := w.Client.Create(w.Context(), o); err != nil {
		w.Fatal(err)
	}
}

func status(s corev1.ConditionStatus) v1.Status {
	return v1.Status{Conditions: v1.Conditions{{Type: v1.ConditionSucceeded, Status: s}}}
}

// taskRun makes a finished TaskRun with the results, given as name and value by turns.
func (w *world) taskRun(name string, change func(*v1.TaskRun), results ...string) types.NamespacedName {
	w.Helper()
	run := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name, UID: types.UID("uid-" + name), Labels: map[string]string{}}}
	run.Status.Status = status(corev1.ConditionTrue)
	run.Status.StartTime, run.Status.CompletionTime = &metav1.Time{Time: ended.Add(-time.Minute)}, &metav1.Time{Time: ended}
	for i := 0; i < len(results); i += 2 {
		run.Status.Results = append(run.Status.Results, v1.TaskRunResult{Name: results[i], Value: v1.ParamValue{Type: v1.ParamTypeString, StringVal: results[i+1]}})
	}
	if change != nil {
		change(run)
	}
	w.create(run)
	return client.ObjectKeyFromObject(run)
}

func (w *world) pipelineRun(name string, results ...string) types.NamespacedName {
	w.Helper()
	run := &v1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name, UID: types.UID("uid-" + name)}}
	run.Status.Status = status(corev1.ConditionTrue)
	run.Status.CompletionTime = &metav1.Time{Time: ended}
	for i := 0; i < len(results); i += 2 {
		run.Status.Results = append(run.Status.Results, v1.PipelineRunResult{Name: results[i], Value: v1.ParamValue{Type: v1.ParamTypeString, StringVal: results[i+1]}})
	}
	w.create(run)
	return client.ObjectKeyFromObject(run)
}

func (w *world) reconcileTask(key types.NamespacedName) error {
	_, err := (&TaskRuns{w.Config}).Reconcile(w.Context(), reconcile.Request{NamespacedName: key})
	return err
}

func (w *world) reconcilePipeline(key types.NamespacedName) error {
	_, err := (&PipelineRuns{w.Config}).Reconcile(w.Context(), reconcile.Request{NamespacedName: key})
	return err
}

func (w *world) wantMark(o client.Object, key types.NamespacedName, mark, message string) {
	w.Helper()
	if err := w.Client.Get(w.Context(), key, o); err != nil {
		w.Fatal(err)
	}
	got := o.GetAnnotations()
	if got[provenance.AnnotationSigned] != mark || !strings.Contains(got[provenance.AnnotationSigningMessage], message) ||
		(message == "") != (got[provenance.AnnotationSigningMessage] == "") {
		w.Errorf("%s: annotations are %v, want %q and %q", key, got, mark, message)
	}
	if f := o.GetFinalizers(); len(f) > 0 {
		w.Errorf("%s: finalizers %v hold it back from deletion", key, f)
	}
}

func (w *world) verify(statements int) sign.Report {
	w.Helper()
	report, err := sign.Verify(w.Context(), w.image, w.public, sign.Options{})
	if err != nil {
		w.Fatal(err)
	}
	if report.Signatures != 1 || len(report.Provenance) != statements {
		w.Errorf("%d signatures and %d statements, want 1 and %d", report.Signatures, len(report.Provenance), statements)
	}
	return report
}

func TestSignsOnceAndMarks(t *testing.T) {
	w := newWorld(t).giveKey()
	key := w.taskRun("build", nil, "IMAGES", w.image)
	for range 3 {
		if err := w.reconcileTask(key); err != nil {
			t.Fatal(err)
		}
	}
	w.wantMark(&v1.TaskRun{}, key, provenance.SignedTrue, "")
	st := w.verify(1).Provenance[0]
	if st.InvocationID() != "uid-build" || st.Predicate.RunDetails.Builder.ID != "https://builder.example" {
		t.Errorf("statement is %+v", st)
	}
	if w.patches != 1 {
		t.Errorf("%d patches, want 1", w.patches)
	}
}

// The mark is what a signer that was killed had no time to write.
func TestTakesUpAfterKill(t *testing.T) {
	w := newWorld(t).giveKey()
	key := w.taskRun("build", nil, "IMAGES", w.image)
	if err := w.reconcileTask(key); err != nil {
		t.Fatal(err)
	}
	run := &v1.TaskRun{}
	if err := w.Client.Get(t.Context(), key, run); err != nil {
		t.Fatal(err)
	}
	run.Annotations = nil
	if err := w.Client.Update(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	w.Keyring = NewKeyring(w.Client, keyName, sign.Options{}, w.Now)
	if err := w.reconcileTask(key); err != nil {
		t.Fatal(err)
	}
	w.wantMark(&v1.TaskRun{}, key, provenance.SignedTrue, "")
	w.verify(1)
}

func TestLeavesOtherRunsAlone(t *testing.T) {
	for name, change := range map[string]func(*v1.TaskRun){
		"running":            func(r *v1.TaskRun) { r.Status.Status = status(corev1.ConditionUnknown) },
		"failed":             func(r *v1.TaskRun) { r.Status.Status = status(corev1.ConditionFalse) },
		"made no image":      func(r *v1.TaskRun) { r.Status.Results = nil },
		"of another manager": func(r *v1.TaskRun) { r.Spec.ManagedBy = new("example.com/other") },
		"given up before": func(r *v1.TaskRun) {
			r.Annotations = map[string]string{provenance.AnnotationSigned: provenance.SignedFailed}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).giveKey()
			if err := w.reconcileTask(w.taskRun("build", change, "IMAGES", w.image)); err != nil {
				t.Fatal(err)
			}
			var refusal *sign.Refusal
			if _, err := sign.Verify(t.Context(), w.image, w.public, sign.Options{}); !errors.As(err, &refusal) || refusal.Reason != sign.Unsigned {
				t.Errorf("verify: %v", err)
			}
			if w.patches != 0 {
				t.Errorf("%d patches", w.patches)
			}
		})
	}
}

func TestWaitsForTheKey(t *testing.T) {
	w := newWorld(t)
	key := w.taskRun("build", nil, "IMAGES", w.image)
	if err := w.reconcileTask(key); err != nil {
		t.Fatal(err)
	}
	w.wantMark(&v1.TaskRun{}, key, "", "")
	want := "no signing key: secret slipway-system/signing-secrets does not exist; make it with: cosign generate-key-pair k8s://slipway-system/signing-secrets"
	ready := func() error {
		return w.Keyring.Ready(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
	}
	if err := ready(); err == nil || err.Error() != want {
		t.Errorf("ready: %v", err)
	}
	// The run is older than any deadline by the time the key is made.
	w.now = ended.Add(30 * 24 * time.Hour)
	w.giveKey()
	if due := dueTaskRuns(t.Context(), w.Client); len(due) != 1 || due[0].NamespacedName != key {
		t.Errorf("the key wakes %v", due)
	}
	if err := ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
	w.down.Store(true)
	if err := w.reconcileTask(key); err == nil {
		t.Error("a registry that is down gave no error to retry on")
	}
	w.down.Store(false)
	if err := w.reconcileTask(key); err != nil {
		t.Fatal(err)
	}
	w.wantMark(&v1.TaskRun{}, key, provenance.SignedTrue, "")
}

func TestRetriesUntilTheDeadline(t *testing.T) {
	w := newWorld(t).giveKey()
	key := w.taskRun("build", nil, "IMAGES", w.image)
	w.down.Store(true)
	if err := w.reconcileTask(key); err == nil {
		t.Fatal("no error to retry on")
	}
	w.wantMark(&v1.TaskRun{}, key, "", "")
	w.now = w.now.Add(25 * time.Hour)
	if err := w.reconcileTask(key); err != nil {
		t.Fatal(err)
	}
	w.wantMark(&v1.TaskRun{}, key, provenance.SignedFailed, "given up after 24h0m0s: ")
	w.wantMark(&v1.TaskRun{}, key, provenance.SignedFailed, "connection refused")
}

func TestGivesUpAtOnceOnWhatNoRetryMends(t *testing.T) {
	for name, tc := range map[string]struct {
		value func(*world) string
		want  string
	}{
		"no digest": {func(*world) string { return "registry.example/app:v1" }, `result "IMAGES"`},
		"no such image": {func(w *world) string {
			repository, _, _ := strings.Cut(w.image, "@")
			return repository + "@sha256:" + strings.Repeat("ab", 32)
		}, "the registry has no such image"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t).giveKey()
			key := w.taskRun("build", nil, "IMAGES", tc.value(w))
			if err := w.reconcileTask(key); err != nil {
				t.Fatal(err)
			}
			w.wantMark(&v1.TaskRun{}, key, provenance.SignedFailed, tc.want)
		})
	}
}

func childOf(pipelineRun string) func(*v1.TaskRun) {
	return func(r *v1.TaskRun) { r.Labels[v1.LabelPipelineRun] = pipelineRun }
}

func TestPipelineRunFollowsItsTaskRuns(t *testing.T) {
	w := newWorld(t).giveKey()
	clone := w.taskRun("ci-clone", func(r *v1.TaskRun) {
		childOf("ci")(r)
		r.Status.CompletionTime = &metav1.Time{Time: ended.Add(-2 * time.Minute)}
	}, "url", "https://git.example/app.git", "commit", strings.Repeat("0a", 20))
	build := w.taskRun("ci-build", childOf("ci"), "IMAGES", w.image)
	ci := w.pipelineRun("ci", "IMAGES", w.image)
	if err := w.reconcilePipeline(ci); err != nil {
		t.Fatal(err)
	}
	w.wantMark(&v1.PipelineRun{}, ci, "", "")
	if err := errors.Join(w.reconcileTask(build), w.reconcilePipeline(ci)); err != nil {
		t.Fatal(err)
	}
	w.wantMark(&v1.PipelineRun{}, ci, provenance.SignedTrue, "")
	w.wantMark(&v1.TaskRun{}, clone, "", "")
	sources := w.verify(1).Provenance[0].Sources()
	if len(sources) != 1 || sources[0].URI != "git+https://git.example/app.git" || sources[0].Digest["sha1"] != strings.Repeat("0a", 20) {
		t.Errorf("sources are %+v", sources)
	}
}

func TestPipelineRunOfAFailedChildIsFailed(t *testing.T) {
	w := newWorld(t).giveKey()
	build := w.taskRun("ci-build", childOf("ci"), "IMAGES", "no digest")
	ci := w.pipelineRun("ci")
	if err := errors.Join(w.reconcileTask(build), w.reconcilePipeline(ci)); err != nil {
		t.Fatal(err)
	}
	w.wantMark(&v1.PipelineRun{}, ci, provenance.SignedFailed, "taskrun ci-build could not be signed")
}

func TestPipelineRunWithoutImagesIsNotTouched(t *testing.T) {
	w := newWorld(t).giveKey()
	w.taskRun("ci-test", childOf("ci"), "version", "1")
	if err := w.reconcilePipeline(w.pipelineRun("ci", "version", "1")); err != nil {
		t.Fatal(err)
	}
	if w.patches != 0 {
		t.Errorf("%d patches", w.patches)
	}
}

// What trimming keeps must be enough to come to the same decision.
func TestTrimKeepsWhatDecides(t *testing.T) {
	w := newWorld(t)
	meta := func(r *v1.TaskRun) {
		r.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "x"}}
		r.Annotations = map[string]string{"large": strings.Repeat("x", 4096)}
		r.Spec.Params = v1.Params{{Name: "p"}}
		r.Status.TaskSpec = &v1.TaskSpec{}
	}
	for name, tc := range map[string]struct {
		change  func(*v1.TaskRun)
		results []string
		due     bool
		kept    int
	}{
		"due":     {meta, []string{"IMAGES", w.image, "note", "x"}, true, 2},
		"cloned":  {meta, []string{"url", "u", "commit", "c", "note", "x"}, false, 2},
		"running": {func(r *v1.TaskRun) { meta(r); r.Status.Status = v1.Status{} }, []string{"IMAGES", w.image}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			run := &v1.TaskRun{}
			if err := w.Client.Get(t.Context(), w.taskRun(name, tc.change, tc.results...), run); err != nil {
				t.Fatal(err)
			}
			if _, err := Trim(run); err != nil {
				t.Fatal(err)
			}
			if got := taskRunDue(run); got != tc.due {
				t.Errorf("due is %v after trimming", got)
			}
			if len(run.Status.Results) != tc.kept || run.ManagedFields != nil || run.Annotations["large"] != "" || run.Status.TaskSpec != nil {
				t.Errorf("kept %+v", run)
			}
			if (len(run.Spec.Params) > 0) != tc.due {
				t.Errorf("spec is %+v", run.Spec)
			}
		})
	}
}
