package kube

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube/nodes"
)

func TestPatchStatus(t *testing.T) {
	scheme, err := Scheme()
	if err != nil {
		t.Fatal(err)
	}
	run := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ci"}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(run).WithStatusSubresource(run).Build()
	read := func() *v1.TaskRun {
		var r v1.TaskRun
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(run), &r); err != nil {
			t.Fatal(err)
		}
		return &r
	}
	before := read()
	if wrote, err := PatchStatus(t.Context(), c, before, before.DeepCopy()); wrote || err != nil {
		t.Errorf("a status that does not change: wrote %v, %v", wrote, err)
	}
	after := before.DeepCopy()
	after.Status.PodName = "ci-pod"
	after.Labels = map[string]string{"not": "the status"}
	if wrote, err := PatchStatus(t.Context(), c, before, after); !wrote || err != nil {
		t.Fatalf("wrote %v, %v", wrote, err)
	}
	if got := read(); got.Status.PodName != "ci-pod" || got.Labels != nil {
		t.Errorf("status %+v, labels %v", got.Status, got.Labels)
	}
	after.Status.PodName = "another"
	if _, err := PatchStatus(t.Context(), c, before, after); !IsStale(err) {
		t.Errorf("a patch of a version that is gone: %v", err)
	}
	if IsStale(apierrors.NewConflict(schema.GroupResource{Resource: "resourcequotas"}, "q", nil)) {
		t.Error("a conflict over another object is taken for one over the run, and nobody would try again")
	}
}

// What the API server throws away changes nothing and brings no event.
func TestPatchStatusThatChangesNothing(t *testing.T) {
	scheme, err := Scheme()
	if err != nil {
		t.Fatal(err)
	}
	run := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "ci", ResourceVersion: "7"}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
		SubResourcePatch: func(context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption) error {
			return nil
		},
	}).Build()
	after := run.DeepCopy()
	after.Status.PodName = "ci-pod"
	if wrote, err := PatchStatus(t.Context(), c, run, after); wrote || err != nil {
		t.Errorf("wrote %v, %v", wrote, err)
	}
}

func TestErrors(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	quota := apierrors.NewForbidden(pods, "p", errors.New("exceeded quota: q, requested: pods=1"))
	policy := apierrors.NewForbidden(pods, "p", errors.New("violates PodSecurity"))
	for name, tc := range map[string]struct {
		err            error
		quota, refused bool
	}{
		"quota":     {quota, true, false},
		"policy":    {policy, false, true},
		"invalid":   {apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "p", nil), false, true},
		"timeout":   {apierrors.NewTimeoutError("slow", 1), false, false},
		"not of it": {errors.New("exceeded quota"), false, false},
	} {
		if IsQuota(tc.err) != tc.quota || IsRefused(tc.err) != tc.refused {
			t.Errorf("%s: quota %v, refused %v", name, IsQuota(tc.err), IsRefused(tc.err))
		}
	}
}

// What no reconciler reads is not kept for as long as the object lives.
func TestStrip(t *testing.T) {
	in := &v1.Task{ObjectMeta: metav1.ObjectMeta{Name: "t", ManagedFields: []metav1.ManagedFieldsEntry{{}},
		Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "{}", "keep": "me"}}}
	out, err := strip(in)
	if err != nil {
		t.Fatal(err)
	}
	want := &v1.Task{ObjectMeta: metav1.ObjectMeta{Name: "t", Annotations: map[string]string{"keep": "me"}}}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	big := corev1.Node{Status: corev1.NodeStatus{
		NodeInfo:        corev1.NodeSystemInfo{KubeletVersion: "v1.36.3", ContainerRuntimeVersion: "containerd://2.4.2"},
		RuntimeHandlers: []corev1.NodeRuntimeHandler{{Features: &corev1.NodeRuntimeHandlerFeatures{UserNamespaces: new(true)}}},
	}}
	big.Labels, big.Status.Images = map[string]string{"a": "b"}, []corev1.ContainerImage{{Names: []string{"x"}}}
	slim, err := stripNode(&big)
	if err != nil {
		t.Fatal(err)
	}
	if n := slim.(*corev1.Node); n.Labels != nil || n.Status.Images != nil || nodes.Common([]corev1.Node{*n}) != nodes.Common([]corev1.Node{big}) {
		t.Errorf("node is %+v", n)
	}
}

func TestShorten(t *testing.T) {
	if got := shorten(strings.Repeat("x", 2000)); len(got) != maxNote || !strings.HasSuffix(got, "...") {
		t.Errorf("%d bytes", len(got))
	}
	if got := shorten("short"); got != "short" {
		t.Error(got)
	}
}
