package main

import (
	"context"
	"errors"
	"time"

	flowcontrol "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
	"github.com/slipway-dev/slipway/test/bench/lab"
	"github.com/slipway-dev/slipway/test/bench/scrape"
)

// throttled has the API server take next to none of the controller's requests at once
// and answer the others with 429. All must end all the same.
func (b *bench) throttled(ctx context.Context, n int) (Trial, error) {
	trial := Trial{TaskRuns: n}
	err := b.in(ctx, n, func(ctx context.Context, p *place) error {
		before, err := scrape.Controller(ctx, p.Lab, controller)
		if err != nil {
			return err
		}
		start := time.Now()
		if err := p.throttle(ctx); err != nil {
			return errors.Join(err, p.unthrottle())
		}
		err = errors.Join(p.flow(ctx, taskRuns(n, p.fleet.Template()), n), p.unthrottle())
		if err != nil {
			return err
		}
		trial.Seconds = time.Since(start).Seconds()
		after, err := scrape.Controller(ctx, p.Lab, controller)
		if err != nil {
			return err
		}
		const refused = `code="429"`
		trial.Refused = int(after.Sum("rest_client_requests_total", refused) - before.Sum("rest_client_requests_total", refused))
		if trial.Refused == 0 {
			return errors.New("the API server refused nothing: this shows nothing")
		}
		return p.complete(ctx, n, 0)
	})
	return trial, err
}

// flow makes runs whose Pods end as they come, and waits for the end of n TaskRuns.
func (p *place) flow(ctx context.Context, runs []client.Object, n int) error {
	if err := p.fleet.Release(); err != nil {
		return err
	}
	if err := p.CreateAll(ctx, runs); err != nil {
		return err
	}
	return p.AwaitN(ctx, lab.Done, &v1.TaskRun{}, n)
}

// throttle gives the controller's requests about the namespace the least share there is.
func (p *place) throttle(ctx context.Context) error {
	none, least := int32(0), int32(1)
	level := &flowcontrol.PriorityLevelConfiguration{ObjectMeta: metav1.ObjectMeta{Name: p.Namespace},
		Spec: flowcontrol.PriorityLevelConfigurationSpec{Type: flowcontrol.PriorityLevelEnablementLimited,
			Limited: &flowcontrol.LimitedPriorityLevelConfiguration{NominalConcurrencyShares: &least, LendablePercent: &none,
				BorrowingLimitPercent: &none, LimitResponse: flowcontrol.LimitResponse{Type: flowcontrol.LimitResponseTypeReject}}}}
	schema := &flowcontrol.FlowSchema{ObjectMeta: metav1.ObjectMeta{Name: p.Namespace}, Spec: flowcontrol.FlowSchemaSpec{
		PriorityLevelConfiguration: flowcontrol.PriorityLevelConfigurationReference{Name: p.Namespace},
		MatchingPrecedence:         100,
		Rules: []flowcontrol.PolicyRulesWithSubjects{{
			Subjects: []flowcontrol.Subject{{Kind: flowcontrol.SubjectKindServiceAccount,
				ServiceAccount: &flowcontrol.ServiceAccountSubject{Namespace: system, Name: app}}},
			ResourceRules: []flowcontrol.ResourcePolicyRule{{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"},
				Namespaces: []string{p.Namespace}}},
		}}}}
	return errors.Join(p.Client.Create(ctx, level), p.Client.Create(ctx, schema))
}

func (p *place) unthrottle() error {
	name := metav1.ObjectMeta{Name: p.Namespace}
	return errors.Join(client.IgnoreNotFound(p.Client.Delete(context.Background(), &flowcontrol.FlowSchema{ObjectMeta: name})),
		client.IgnoreNotFound(p.Client.Delete(context.Background(), &flowcontrol.PriorityLevelConfiguration{ObjectMeta: name})))
}
