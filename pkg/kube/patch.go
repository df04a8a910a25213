// Package kube holds what every reconciler needs of a cluster and nothing that
// is particular to one: a manager whose caches hold only what is ours, the
// abilities of the nodes, one way to write a status, and what an error of the
// API server means.
package kube

import (
	"context"
	"encoding/json"
	"fmt"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// PatchStatus writes the difference between before and after to the status of
// the object, in one request that carries nothing else, and none when the two
// do not differ. It reports whether the object has changed by it, so that an
// event of it is certain.
//
// The request names the resource version of before: a decision taken on a stale
// object is refused with a conflict (see IsStale) instead of overwriting what
// another has written.
func PatchStatus(ctx context.Context, c client.Client, before, after client.Object) (bool, error) {
	patch, err := statusPatch(before, after)
	if err != nil {
		return false, fmt.Errorf("difference in status of %s: %w", before.GetName(), err)
	}
	if patch == nil {
		return false, nil
	}
	target := before.DeepCopyObject().(client.Object)
	err = c.Status().Patch(ctx, target, client.RawPatch(mergePatch, patch))
	if apierrors.IsConflict(err) {
		return false, &staleError{err}
	}
	return err == nil && target.GetResourceVersion() != before.GetResourceVersion(), err
}

// statusPatch returns the merge patch of the field status alone, with the
// resource version it applies to, or nil when the status does not change.
func statusPatch(before, after client.Object) ([]byte, error) {
	old, err := statusOf(before)
	if err != nil {
		return nil, err
	}
	changed, err := statusOf(after)
	if err != nil {
		return nil, err
	}
	diff, err := jsonpatch.CreateMergePatch(old, changed)
	if err != nil {
		return nil, err
	}
	if string(diff) == "{}" {
		return nil, nil
	}
	return json.Marshal(map[string]any{
		"metadata": map[string]string{"resourceVersion": before.GetResourceVersion()},
		"status":   json.RawMessage(diff),
	})
}

func statusOf(o client.Object) ([]byte, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var parts struct {
		Status json.RawMessage `json:"status"`
	}
	if err := json.Unmarshal(text, &parts); err != nil {
		return nil, err
	}
	if len(parts.Status) == 0 {
		return []byte("{}"), nil
	}
	return parts.Status, nil
}
