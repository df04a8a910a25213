package taskrun

import (
	"context"
	"strings"
	"time"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/pkg/kube"
	"github.com/slipway-dev/slipway/pkg/observe"
)

// slow is how long a Pod that has a node may take to start before its events are asked
// why. Most Pods never cost the request.
const slow = 20 * time.Second

// explain adds to the message of a Pod that is slow to start what the cluster
// says of it, such as that a ConfigMap it mounts does not exist. It returns when
// to look again; 0 is never. What keeps a Pod from a node stands in its status.
func (r *Reconciler) explain(ctx context.Context, a *attempt, p *observe.Progress) (time.Duration, error) {
	placed, ok := kube.Placed(a.pod)
	if !ok || p.Done() || p.Running || p.Stuck || p.Reason != v1.TaskRunReasonPodPending.String() {
		return 0, nil
	}
	age := a.now.Sub(placed)
	if left := slow - age; left > 0 {
		return left, nil
	}
	why, asked, err := r.delays.Of(ctx, r.Live, a.pod, a.now)
	if err != nil {
		return 0, err
	}
	if !asked {
		p.Message = a.known(p.Message)
		return slow, nil
	}
	if why != "" {
		p.Message += ": " + why
	}
	return age, nil // each time it is twice as old
}

// known is the message with what was added to it when events were last asked for.
func (a *attempt) known(message string) string {
	if c := a.before.Status.GetCondition(v1.ConditionSucceeded); c != nil && strings.HasPrefix(c.Message, message) {
		return c.Message
	}
	return message
}
