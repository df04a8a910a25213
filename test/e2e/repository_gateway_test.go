//go:build e2e && forge

package e2e

import (
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/env"
)

// The gateway can create events and nothing else, and read no Secret but those that a
// Role names.
func TestGatewayMayDoLittle(t *testing.T) {
	t.Parallel()
	e := env.New(t)
	user := "system:serviceaccount:" + env.SystemNamespace + ":gateway"
	config := rest.CopyConfig(e.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + env.SystemNamespace, "system:authenticated"}}
	as, err := client.New(config, client.Options{Scheme: e.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	repository := &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Name: "ci"}, Spec: v1alpha1.RepositorySpec{URL: "https://forge.example/ada/engine", Provider: v1alpha1.ProviderGitea, Paused: true}}
	e.Create(repository)
	event := v1alpha1.NewEvent(repository, v1alpha1.OriginWebhook, []byte("x"), time.Now())
	event.Spec.Event = v1alpha1.Event{Type: v1alpha1.EventPush}
	if err := as.Create(t.Context(), event); err != nil {
		t.Fatalf("it may not create an event: %v", err)
	}
	e.Create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "other"}})
	meta := metav1.ObjectMeta{Namespace: e.Namespace, Name: "evil"}
	for _, o := range []client.Object{
		&v1.PipelineRun{ObjectMeta: meta, Spec: v1.PipelineRunSpec{PipelineRef: &v1.PipelineRef{Name: "p"}}}, &v1.TaskRun{ObjectMeta: meta}, &v1.Task{ObjectMeta: meta},
		&corev1.Pod{ObjectMeta: meta}, &corev1.Secret{ObjectMeta: meta}, &corev1.ConfigMap{ObjectMeta: meta}, &corev1.ServiceAccount{ObjectMeta: meta},
		&v1alpha1.Repository{ObjectMeta: meta, Spec: repository.Spec},
	} {
		if err := as.Create(t.Context(), o); !apierrors.IsForbidden(err) {
			t.Errorf("it may create a %T: %v", o, err)
		}
	}
	for what, err := range map[string]error{
		"change a repository":  as.Update(t.Context(), repository),
		"change an event":      as.Update(t.Context(), event),
		"end an event":         as.Status().Update(t.Context(), event),
		"delete an event":      as.Delete(t.Context(), event),
		"read an event":        as.Get(t.Context(), client.ObjectKeyFromObject(event), event),
		"list events":          as.List(t.Context(), &v1alpha1.RepositoryEventList{}),
		"read a secret":        as.Get(t.Context(), client.ObjectKey{Namespace: e.Namespace, Name: "other"}, &corev1.Secret{}),
		"list secrets":         as.List(t.Context(), &corev1.SecretList{}),
		"list runs":            as.List(t.Context(), &v1.PipelineRunList{}),
		"read the signing key": as.Get(t.Context(), client.ObjectKey{Namespace: env.SystemNamespace, Name: "signing-secrets"}, &corev1.Secret{}),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("it may %s: %v", what, err)
		}
	}
	// And of what the rules say, nothing is more than that.
	for _, ask := range []authorizationv1.ResourceAttributes{
		{Verb: "*", Group: "*", Resource: "*"}, {Verb: "create", Group: "*", Resource: "*"}, {Verb: "get", Resource: "secrets"},
		{Verb: "impersonate", Resource: "users"}, {Verb: "create", Group: v1alpha1.GroupName, Resource: "repositories"},
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &ask}}
		if err := e.Client.Create(t.Context(), review); err != nil || review.Status.Allowed {
			t.Errorf("%+v is allowed, or %v", ask, err)
		}
	}
}
