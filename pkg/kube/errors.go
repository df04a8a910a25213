package kube

import (
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

const mergePatch = types.MergePatchType

// staleError is a status that was decided on an object that has changed since.
type staleError struct{ err error }

func (e *staleError) Error() string { return e.err.Error() }
func (e *staleError) Unwrap() error { return e.err }

// IsStale reports whether err is PatchStatus's answer to an object that changed
// since it was read: its event is on its way, so that there is nothing to report.
// Conflicts over other objects, such as a quota that a Pod counts against, bring no
// event and are errors like any other.
func IsStale(err error) bool { return errors.As(err, new(*staleError)) }

// IsGone reports whether err means that the object does not exist.
func IsGone(err error) bool { return apierrors.IsNotFound(err) }

// IsTaken reports whether err means that an object of that name exists.
func IsTaken(err error) bool { return apierrors.IsAlreadyExists(err) }

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
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) || IsTooLarge(err)
}

// Stored is how large an object may be, in words: what etcd takes by default. An
// API server does not say what its own takes.
const Stored = "1.5 MiB by default"

// IsTooLarge reports whether err means that the object does not fit into a request,
// or into etcd (see Stored), whose words the API server hands on.
func IsTooLarge(err error) bool {
	return err != nil && (apierrors.IsRequestEntityTooLargeError(err) ||
		strings.Contains(err.Error(), "request is too large") || strings.Contains(err.Error(), "message larger than max"))
}
