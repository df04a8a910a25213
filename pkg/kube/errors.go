package kube

import (
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

const mergePatch = types.MergePatchType

// IsStale reports whether err means that the object changed since it was read:
// the next event brings the newer one, so that there is nothing to report.
func IsStale(err error) bool { return apierrors.IsConflict(err) }

// IsGone reports whether err means that the object does not exist.
func IsGone(err error) bool { return apierrors.IsNotFound(err) }

// IsQuota reports whether err means that a ResourceQuota has no room now: worth
// another try when something else has ended.
func IsQuota(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota")
}

// IsRefused reports whether err is the API server's final word on an object: it
// is invalid, or the policy of the cluster does not allow it. Another try with
// the same object gets the same answer.
func IsRefused(err error) bool {
	if IsQuota(err) {
		return false
	}
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) ||
		apierrors.IsRequestEntityTooLargeError(err)
}
