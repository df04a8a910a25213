package resolve

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	resolution "github.com/slipway-dev/slipway/api/tekton/resolution/v1beta1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/suggest"
)

// Requests are the ResolutionRequests of the cluster. Controllers elsewhere answer
// them; a change of one brings its owner, the run, back.
type Requests interface {
	// Request returns the request of the name of wanted as it stands, and makes it
	// where there is none.
	Request(ctx context.Context, wanted *resolution.ResolutionRequest) (*resolution.ResolutionRequest, error)
	// Conclude writes the status that after has instead of that of before.
	Conclude(ctx context.Context, before, after *resolution.ResolutionRequest) error
}

// pending is ErrPending with a time at which to ask again, as no event may come.
type pending struct{ until time.Time }

func (pending) Error() string { return ErrPending.Error() }
func (pending) Unwrap() error { return ErrPending }

// Until is when to ask again after an error that wraps ErrPending, should the run not
// be brought back before; zero is never.
func Until(err error) time.Time {
	var p pending
	_ = errors.As(err, &p)
	return p.until
}

// fromForeign asks a resolver that is none of ours, by a ResolutionRequest that goes
// when the run goes.
func (f *Finder) fromForeign(ctx context.Context, by Asker, r v1.ResolverRef, name string, w wanted) (*v1.RefSource, error) {
	request, err := f.Requests.Request(ctx, requestFor(by, r, name))
	if err != nil {
		return nil, err
	}
	refuse := func(format string, args ...any) error {
		return &Error{oneLine(fmt.Sprintf("resolver %s: "+format, append([]any{r.Resolver}, args...)...))}
	}
	end := request.CreationTimestamp.Add(f.Patience())
	switch c := request.Status.GetCondition(v1.ConditionSucceeded); {
	case c.IsFalse():
		return nil, refuse("%s", cmp.Or(c.Message, c.Reason))
	case request.Status.Data != "":
		if err := f.conclude(ctx, request, v1.Condition{Status: corev1.ConditionTrue}); err != nil {
			return nil, err
		}
	case f.Now().Before(end):
		return nil, pending{end}
	default:
		known := append(f.Desk.names(), clusterResolver)
		slices.Sort(known)
		silence := fmt.Sprintf("no answer within %s to resolutionrequest %s: is there a controller for it? Built in are %s%s",
			f.Patience(), request.Name, strings.Join(known, ", "), suggest.DidYouMean(string(r.Resolver), known))
		err := f.conclude(ctx, request, v1.Condition{Status: corev1.ConditionFalse, Reason: resolution.ReasonTimedOut, Message: silence})
		return nil, errors.Join(err, refuse("%s", silence))
	}
	content, err := base64.StdEncoding.DecodeString(request.Status.Data)
	if err != nil {
		return nil, refuse("its data is no base64: %v", err)
	}
	if err := decode(content, w.kind, w.into); err != nil {
		return nil, refuse("what it found %v", err)
	}
	if request.Status.RefSource != nil {
		return request.Status.RefSource, nil
	}
	return request.Status.Source, nil
}

// conclude writes how a request ended, where its resolver leaves that to who asked.
func (f *Finder) conclude(ctx context.Context, request *resolution.ResolutionRequest, c v1.Condition) error {
	if !request.Status.GetCondition(v1.ConditionSucceeded).IsUnknown() {
		return nil
	}
	after := request.DeepCopy()
	c.Type, c.LastTransitionTime = v1.ConditionSucceeded, metav1.NewTime(f.Now())
	after.Status.SetCondition(c)
	return f.Requests.Conclude(ctx, request, after)
}

// requestFor has a name that is the same for the same question of the same run alone.
func requestFor(by Asker, r v1.ResolverRef, name string) *resolution.ResolutionRequest {
	params, _ := json.Marshal(r.Params) // what came as JSON goes as JSON
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", by.UID, r.Resolver, name, params))
	version := v1.SchemeGroupVersion.String()
	return &resolution.ResolutionRequest{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: by.Namespace, Name: strings.TrimRight(fmt.Sprintf("%.40s", r.Resolver), "-.") + "-" + hex.EncodeToString(sum[:8]),
			Labels: map[string]string{resolution.LabelType: string(r.Resolver)},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: version, Kind: by.Kind, Name: by.Name, UID: by.UID,
				Controller: new(true), BlockOwnerDeletion: new(true)}},
		},
		Spec: resolution.ResolutionRequestSpec{Params: r.Params, URL: name},
	}
}
