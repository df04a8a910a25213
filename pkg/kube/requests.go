package kube

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	resolution "github.com/slipway-dev/slipway/api/tekton/resolution/v1beta1"
)

// Requests are the ResolutionRequests of a cluster.
type Requests struct {
	client client.Client
	live   client.Reader
}

// NewRequests returns requests that are read from a cache, and live where it lags.
func NewRequests(c client.Client, live client.Reader) *Requests { return &Requests{c, live} }

// Request returns the request as it stands, and makes it where there is none.
func (r *Requests) Request(ctx context.Context, wanted *resolution.ResolutionRequest) (*resolution.ResolutionRequest, error) {
	var found resolution.ResolutionRequest
	key := client.ObjectKeyFromObject(wanted)
	if err := r.client.Get(ctx, key, &found); !IsGone(err) {
		return &found, err
	}
	made := wanted.DeepCopy()
	err := r.client.Create(ctx, made)
	if apierrors.IsAlreadyExists(err) {
		return made, r.live.Get(ctx, key, made)
	}
	return made, err
}

// Conclude writes the status of a request.
func (r *Requests) Conclude(ctx context.Context, before, after *resolution.ResolutionRequest) error {
	_, err := PatchStatus(ctx, r.client, before, after)
	return err
}
