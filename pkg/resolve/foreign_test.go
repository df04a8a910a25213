package resolve

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	resolution "github.com/slipway-dev/slipway/api/tekton/resolution/v1beta1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// tray holds requests by name.
type tray map[string]*resolution.ResolutionRequest

func (r tray) Request(_ context.Context, wanted *resolution.ResolutionRequest) (*resolution.ResolutionRequest, error) {
	if r[wanted.Name] == nil {
		r[wanted.Name] = wanted.DeepCopy()
		r[wanted.Name].CreationTimestamp = metav1.NewTime(noon)
	}
	return r[wanted.Name].DeepCopy(), nil
}

func (r tray) Conclude(_ context.Context, before, after *resolution.ResolutionRequest) error {
	r[before.Name] = after
	return nil
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

var foreignRef = v1.ResolverRef{Resolver: "vault", Params: v1.Params{{Name: "path", Value: *v1.NewString("a/b")}, {Name: "tags", Value: *v1.NewArray("x", "z")}}}

func TestForeignResolver(t *testing.T) {
	data := base64.StdEncoding.EncodeToString
	ended := func(s corev1.ConditionStatus, reason, message string) v1.Status {
		var out v1.Status
		out.SetCondition(v1.Condition{Type: v1.ConditionSucceeded, Status: s, Reason: reason, Message: message})
		return out
	}
	answer := func(d string) resolution.ResolutionRequestStatus {
		return resolution.ResolutionRequestStatus{ResolutionRequestStatusFields: resolution.ResolutionRequestStatusFields{
			Data: d, RefSource: &v1.RefSource{URI: "vault://a/b"}}}
	}
	for name, tc := range map[string]struct {
		status resolution.ResolutionRequestStatus
		after  time.Duration
		// want is the error; empty is none.
		want string
		// concluded is the condition that the request is given.
		concluded corev1.ConditionStatus
	}{
		"data":              {status: answer(data([]byte(aTask))), concluded: corev1.ConditionTrue},
		"late data":         {status: answer(data([]byte(aTask))), after: time.Hour, concluded: corev1.ConditionTrue},
		"the older field":   {status: resolution.ResolutionRequestStatus{ResolutionRequestStatusFields: resolution.ResolutionRequestStatusFields{Data: data([]byte(aTask)), Source: &v1.RefSource{URI: "vault://a/b"}}}, concluded: corev1.ConditionTrue},
		"not there":         {after: time.Minute - 1, want: ErrPending.Error()},
		"silence":           {after: time.Minute, want: "taskRef: resolver vault: no answer within 1m0s to resolutionrequest vault-", concluded: corev1.ConditionFalse},
		"refused":           {status: resolution.ResolutionRequestStatus{Status: ended(corev1.ConditionFalse, "ResolutionFailed", "no\nsuch path")}, want: "taskRef: resolver vault: no such path", concluded: corev1.ConditionFalse},
		"refused by reason": {status: resolution.ResolutionRequestStatus{Status: ended(corev1.ConditionFalse, "ResolutionFailed", "")}, want: "resolver vault: ResolutionFailed", concluded: corev1.ConditionFalse},
		"garbage":           {status: answer("%%"), want: "taskRef: resolver vault: its data is no base64", concluded: corev1.ConditionTrue},
		"no task":           {status: answer(data([]byte("a: b"))), want: "taskRef: resolver vault: what it found is no Task", concluded: corev1.ConditionTrue},
	} {
		t.Run(name, func(t *testing.T) {
			f, requests, now := finder(shelf{}), tray{}, noon
			f.Requests, f.Patience, f.Now = requests, func() time.Duration { return time.Minute }, func() time.Time { return now }
			find := func() (*Task, error) {
				return f.Task(t.Context(), by, &v1.TaskRef{Name: "https://vault/x", ResolverRef: foreignRef})
			}
			if _, err := find(); !errors.Is(err, ErrPending) || !Until(err).Equal(noon.Add(time.Minute)) {
				t.Fatalf("the first answer is %v, to be asked for again at %s", err, Until(err))
			}
			if len(requests) != 1 {
				t.Fatalf("%d requests", len(requests))
			}
			for _, r := range requests {
				want := resolution.ResolutionRequestSpec{Params: foreignRef.Params, URL: "https://vault/x"}
				if diff := cmp.Diff(want, r.Spec); diff != "" || r.Labels["resolution.tekton.dev/type"] != "vault" || !metav1.IsControlledBy(r, &metav1.ObjectMeta{UID: by.UID}) {
					t.Errorf("%+v\n%s", r.ObjectMeta, diff)
				}
				r.Status = tc.status
			}
			now = noon.Add(tc.after)
			task, err := find()
			if tc.want == "" && (err != nil || task.Name != "build" || task.Source.URI != "vault://a/b") {
				t.Errorf("%+v, %v", task, err)
			}
			if nowhere := new(Error); tc.want != "" && (!strings.Contains(err.Error(), tc.want) || errors.As(err, &nowhere) == errors.Is(err, ErrPending)) {
				t.Errorf("error %v\nwant %s", err, tc.want)
			}
			for _, r := range requests {
				if c := r.Status.GetCondition(v1.ConditionSucceeded); (c == nil) != (tc.concluded == "") || c != nil && c.Status != tc.concluded {
					t.Errorf("the request has %+v", c)
				}
			}
		})
	}
}

// A slip in the name of a resolver that is built in is found in the end.
func TestMisspeltResolver(t *testing.T) {
	f, now := finder(shelf{}), noon
	f.Requests, f.Patience, f.Now = tray{}, func() time.Duration { return time.Minute }, func() time.Time { return now }
	ref := &v1.TaskRef{ResolverRef: v1.ResolverRef{Resolver: "gti"}}
	_, _ = f.Task(t.Context(), by, ref)
	now = noon.Add(time.Minute)
	if _, err := f.Task(t.Context(), by, ref); err == nil || !strings.HasSuffix(err.Error(), `Built in are cluster, git; did you mean "git"?`) {
		t.Errorf("error %v", err)
	}
}
