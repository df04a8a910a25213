package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionregistration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

const (
	namespace = "slipway-system"
	host      = ServiceName + "." + namespace + ".svc"
)

type world struct {
	*testing.T
	client.WithWatch
	now    time.Time
	writes int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensions.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{T: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	objects := []client.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: SecretName}},
		&admissionregistration.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: configurationName},
			Webhooks: []admissionregistration.MutatingWebhook{{Name: "a"}, {Name: "b", ClientConfig: admissionregistration.WebhookClientConfig{CABundle: []byte("old")}}}},
	}
	for _, name := range converted {
		objects = append(objects, &apiextensions.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: apiextensions.CustomResourceDefinitionSpec{
			Conversion: &apiextensions.CustomResourceConversion{Strategy: apiextensions.WebhookConverter,
				Webhook: &apiextensions.WebhookConversion{ClientConfig: &apiextensions.WebhookClientConfig{}, ConversionReviewVersions: []string{"v1"}}}}})
	}
	w.WithWatch = interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(), interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			w.writes++
			return c.Update(ctx, o, opts...)
		},
	})
	return w
}

func (w *world) keeper() *Keeper {
	return &Keeper{Live: w, Client: w, Namespace: namespace, Now: func() time.Time { return w.now }}
}

// kept reconciles and returns when the keeper comes back.
func (w *world) kept(k *Keeper) time.Duration {
	w.Helper()
	result, err := k.Reconcile(w.Context(), ctrl.Request{})
	if err != nil {
		w.Fatal(err)
	}
	return result.RequeueAfter
}

// trusted connects to the keeper's certificate as the API server does, with each authority it was told.
func (w *world) trusted(k *Keeper) {
	w.Helper()
	var c admissionregistration.MutatingWebhookConfiguration
	if err := w.Get(w.Context(), client.ObjectKey{Name: configurationName}, &c); err != nil {
		w.Fatal(err)
	}
	var bundles [][]byte
	for _, hook := range c.Webhooks {
		bundles = append(bundles, hook.ClientConfig.CABundle)
	}
	for _, name := range converted {
		var crd apiextensions.CustomResourceDefinition
		if err := w.Get(w.Context(), client.ObjectKey{Name: name}, &crd); err != nil {
			w.Fatal(err)
		}
		bundles = append(bundles, crd.Spec.Conversion.Webhook.ClientConfig.CABundle)
	}
	for _, bundle := range bundles {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(bundle) {
			w.Fatalf("no authority in %q", bundle)
		}
		here, there := net.Pipe()
		go func() {
			_ = tls.Server(there, &tls.Config{GetCertificate: k.Certificate}).HandshakeContext(w.Context())
		}()
		err := tls.Client(here, &tls.Config{RootCAs: roots, ServerName: host, Time: func() time.Time { return w.now }}).HandshakeContext(w.Context())
		if err != nil {
			w.Error(err)
		}
	}
}

func (w *world) secret() map[string][]byte {
	w.Helper()
	var s corev1.Secret
	if err := w.Get(w.Context(), client.ObjectKey{Namespace: namespace, Name: SecretName}, &s); err != nil {
		w.Fatal(err)
	}
	return s.Data
}

// One replica makes the certificate, the API server trusts it, and the other takes it over.
func TestReplicasShareACertificate(t *testing.T) {
	w := newWorld(t)
	first, second := w.keeper(), w.keeper()
	if first.Ready(nil) == nil {
		t.Error("ready without a certificate")
	}
	w.kept(first)
	w.kept(second)
	w.kept(first)
	if w.writes != 1 {
		t.Errorf("the Secret was written %d times, want once", w.writes)
	}
	for _, k := range []*Keeper{first, second} {
		if err := k.Ready(nil); err != nil {
			t.Error(err)
		}
		w.trusted(k)
	}
}

// It is renewed while the old one is still good, and nobody is told for that: the authority stays. When that is
// due, everything is new. No restart comes into it.
func TestRenewal(t *testing.T) {
	w := newWorld(t)
	k := w.keeper()
	comesBack := w.kept(k)
	before := w.secret()
	old, _ := k.Certificate(nil)
	w.now = w.now.Add(comesBack - time.Minute)
	w.kept(k)
	if diff := cmp.Diff(before, w.secret()); diff != "" {
		t.Errorf("renewed before it comes back: %s", diff)
	}
	w.now = w.now.Add(2 * time.Minute)
	w.kept(k)
	after := w.secret()
	if renewed, _ := k.Certificate(nil); bytes.Equal(before[keyServing], after[keyServing]) || old.Leaf.Equal(renewed.Leaf) || w.now.After(old.Leaf.NotAfter) {
		t.Error("not renewed in time")
	}
	if !bytes.Equal(before[keyAuthority], after[keyAuthority]) {
		t.Error("the authority changed")
	}
	w.trusted(k)
	w.now = w.now.Add(authorityLife * 3 / 4)
	w.kept(k)
	if bytes.Equal(before[keyAuthority], w.secret()[keyAuthority]) {
		t.Error("the authority did not change")
	}
	w.trusted(k)
}

// Whatever stands in the Secret, there is a certificate afterwards.
func TestRepair(t *testing.T) {
	other, err := renewed(nil, "elsewhere.svc", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := other.encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(map[string][]byte) map[string][]byte{
		"emptied":        func(map[string][]byte) map[string][]byte { return nil },
		"garbage":        func(d map[string][]byte) map[string][]byte { d[keyServing] = []byte("x"); return d },
		"another's key":  func(d map[string][]byte) map[string][]byte { d[keyServingKey] = elsewhere[keyServingKey]; return d },
		"another's name": func(map[string][]byte) map[string][]byte { return elsewhere },
		"another's chain": func(d map[string][]byte) map[string][]byte {
			d[keyServing], d[keyServingKey] = elsewhere[keyServing], elsewhere[keyServingKey]
			return d
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			k := w.keeper()
			w.kept(k)
			s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: SecretName}, Data: change(w.secret())}
			if err := w.Update(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			w.kept(k)
			w.trusted(k)
		})
	}
}

// The Secret comes with the installation: the controller may not make one.
func TestSecretIsMissing(t *testing.T) {
	w := newWorld(t)
	if err := w.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: SecretName}}); err != nil {
		t.Fatal(err)
	}
	k := w.keeper()
	if _, err := k.Reconcile(t.Context(), ctrl.Request{}); !apierrors.IsNotFound(err) || k.Ready(nil) == nil {
		t.Errorf("got %v", err)
	}
}
