package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What is kept, by name; config/ has each, and the RBAC rules that allow it.
const (
	// SecretName is in the controller's namespace.
	SecretName = "webhook-certificate"
	// ServiceName is that of the Service, in the same namespace, by which the API
	// server reaches us.
	ServiceName       = "webhook"
	configurationName = "admission.slipway.dev"
)

// converted are the CRDs whose conversion asks us.
var converted = []string{"pipelineruns.tekton.dev", "pipelines.tekton.dev", "taskruns.tekton.dev", "tasks.tekton.dev"}

// Keeper keeps a certificate in a Secret, which all replicas share, and its
// authority in what the API server reads. The first replica that finds none, or
// one that is due, makes it; the others take it from there.
type Keeper struct {
	// Live reads without a cache.
	Live      client.Reader
	Client    client.Writer
	Namespace string
	Now       func() time.Time

	current atomic.Pointer[tls.Certificate]
}

// Certificate is for tls.Config.
func (k *Keeper) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := k.current.Load(); c != nil {
		return c, nil
	}
	return nil, errors.New("there is no certificate yet")
}

// Ready is a readiness check: whether there is a certificate to show.
func (k *Keeper) Ready(*http.Request) error {
	_, err := k.Certificate(nil)
	return err
}

// Reconcile makes everything as it should be, and comes back when the
// certificate is due.
func (k *Keeper) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	b, err := k.keep(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	k.current.Store(b.forTLS())
	if err := k.tell(ctx, encodeCertificate(b.authority.certificate)); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: max(b.renewal().Sub(k.Now()), time.Second)}, nil
}

// keep returns what the Secret holds, once that is as it should be. Of replicas that
// write at the same time the API server takes one, and the others come back.
func (k *Keeper) keep(ctx context.Context) (*bundle, error) {
	var secret corev1.Secret
	if err := k.Live.Get(ctx, client.ObjectKey{Namespace: k.Namespace, Name: SecretName}, &secret); err != nil {
		return nil, fmt.Errorf("the certificate of the webhooks, which comes empty with the installation: %w", err)
	}
	// What cannot be read is no better than nothing.
	held, _ := parse(secret.Data)
	b, err := renewed(held, ServiceName+"."+k.Namespace+".svc", k.Now())
	if err != nil || b == held {
		return b, err
	}
	if secret.Data, err = b.encode(); err != nil {
		return nil, err
	}
	ctrl.LoggerFrom(ctx).Info("made a certificate for the webhooks", "until", b.serving.certificate.NotAfter)
	return b, k.Client.Update(ctx, &secret)
}

// tell writes the authority where the API server looks for it. One of the objects
// that is not there is not asked for by anybody.
func (k *Keeper) tell(ctx context.Context, authority []byte) error {
	errs := []error{k.tellAdmission(ctx, authority)}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"conversion": map[string]any{
		"webhook": map[string]any{"clientConfig": map[string]any{"caBundle": authority}}}}})
	if err != nil {
		return err
	}
	for _, name := range converted {
		// A patch that changes nothing is not written by the API server; the answer
		// to this one is without the schema, which is large.
		crd := &metav1.PartialObjectMetadata{}
		crd.SetGroupVersionKind(definition)
		crd.Name = name
		errs = append(errs, client.IgnoreNotFound(k.Client.Patch(ctx, crd, client.RawPatch(types.MergePatchType, patch))))
	}
	return errors.Join(errs...)
}

func (k *Keeper) tellAdmission(ctx context.Context, authority []byte) error {
	var c admissionregistration.MutatingWebhookConfiguration
	if err := k.Live.Get(ctx, client.ObjectKey{Name: configurationName}, &c); err != nil {
		return client.IgnoreNotFound(err)
	}
	before, told := c.DeepCopy(), true
	for i := range c.Webhooks {
		to := &c.Webhooks[i].ClientConfig
		told = told && bytes.Equal(to.CABundle, authority)
		to.CABundle = authority
	}
	if told {
		return nil
	}
	return k.Client.Patch(ctx, &c, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}
