package attest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/provenance"
	"github.com/slipway-dev/slipway/pkg/sign"
)

// Config is what both reconcilers are made of.
type Config struct {
	Client  client.Client
	Keyring *Keyring
	// BuilderID is the URI that provenance names as the builder.
	BuilderID string
	// GiveUpAfter is how long a registry that does not answer is asked again,
	// counted from the end of the run, or from when this process had a key if
	// that was later.
	GiveUpAfter time.Duration
	Now         func() time.Time
}

// errChild is wrapped by the error of a PipelineRun one of whose TaskRuns was given up.
var errChild = errors.New("could not be signed")

// hopeless reports whether another try with the same run would end the same way.
func hopeless(err error) bool {
	var hint *provenance.HintError
	var refusal *sign.Refusal
	return errors.As(err, &hint) || errors.As(err, &refusal) || errors.Is(err, sign.ErrBadName) ||
		errors.Is(err, sign.ErrNoImage) || errors.Is(err, errChild)
}

// conclude records how a try to sign the run ended. An error that may pass is
// returned, so that the run is tried again after a while, until its time is up.
func (c *Config) conclude(ctx context.Context, run client.Object, completed *metav1.Time, err error) (reconcile.Result, error) {
	if err == nil {
		log.FromContext(ctx).Info("signed")
		return reconcile.Result{}, c.mark(ctx, run, provenance.SignedTrue, nil)
	}
	if errors.Is(err, ErrNoKey) {
		// The key's arrival wakes the run.
		return reconcile.Result{}, nil
	}
	if !hopeless(err) {
		if c.Now().Before(c.deadline(ctx, completed)) {
			return reconcile.Result{}, err
		}
		err = fmt.Errorf("given up after %s: %w", c.GiveUpAfter, err)
	}
	log.FromContext(ctx).Info("not signed: " + err.Error())
	message := err.Error()
	return reconcile.Result{}, c.mark(ctx, run, provenance.SignedFailed, &message)
}

func (c *Config) deadline(ctx context.Context, completed *metav1.Time) time.Time {
	_, start, err := c.Keyring.Signer(ctx)
	if err != nil {
		start = c.Now()
	}
	if completed != nil && completed.After(start) {
		start = completed.Time
	}
	return start.Add(c.GiveUpAfter)
}

// mark writes the annotations and nothing else. The UID keeps the mark off another
// run that has taken the name meanwhile.
func (c *Config) mark(ctx context.Context, run client.Object, value string, message *string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": run.GetUID(),
		"annotations": map[string]*string{
			provenance.AnnotationSigned:         &value,
			provenance.AnnotationSigningMessage: message,
		},
	}})
	if err != nil {
		return err
	}
	err = c.Client.Patch(ctx, run, client.RawPatch(types.MergePatchType, patch))
	if kube.IsGone(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}
