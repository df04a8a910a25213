package repo

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/repositories"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

func newCheck(e *env.Env) *cobra.Command {
	gatewayNamespace := ""
	cmd := &cobra.Command{
		Use:               "check NAME",
		Short:             "Check the connection of a repository; the exit code is 1 if something is wrong",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: repositories.Complete(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.Cluster()
			if err != nil {
				return err
			}
			r, err := repositories.Find(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return check(cmd.Context(), e, c, r, gatewayNamespace)
		},
	}
	cmd.Flags().StringVar(&gatewayNamespace, "gateway-namespace", "slipway-system", "namespace of the gateway")
	return cmd
}

// finding is one thing that was looked at; wrong is empty if it is as it should be.
type finding struct{ what, wrong string }

func check(ctx context.Context, e *env.Env, c *cluster.Cluster, r *v1alpha1.Repository, gatewayNamespace string) error {
	state, message := ready(r)
	findings := []finding{{"the forge answers and takes the credentials", ""}}
	if state != "True" {
		findings[0].wrong = state + ": " + message
	}
	findings = append(findings, finding{"webhooks can be verified", secretLacks(ctx, c, r.Spec.WebhookSecret, v1alpha1.WebhookSecretKey)})
	if key := r.Spec.WebhookSecret; key != nil {
		findings = append(findings, gatewayReads(ctx, c, r, key.Name, gatewayNamespace))
	}
	if images := r.Spec.ImageWebhook; images != nil {
		findings = append(findings, finding{"webhooks of registries can be verified", secretLacks(ctx, c, &images.Secret, v1alpha1.RegistryTokenKey)},
			gatewayReads(ctx, c, r, images.Secret.Name, gatewayNamespace))
	}
	if len(r.Spec.Schedules) > 0 {
		findings = append(findings, finding{"schedules can be read", wrongSchedules(r)})
	}
	findings = append(findings, finding{"pipelines can clone a private repository by {{ git_auth_secret }}",
		secretLacks(ctx, c, &v1alpha1.SecretKey{Name: trigger.GitAuthSecret(r.Name)}, ".git-credentials")})
	bad := 0
	for _, f := range findings {
		mark, text := style.Succeeded, f.what
		if f.wrong != "" {
			bad++
			mark, text = style.Failed, f.what+": "+f.wrong
		}
		fmt.Fprintf(e.Out, "%s %s\n", e.Style.Symbol(mark), text)
	}
	if bad > 0 {
		return &env.ExitError{Code: env.ExitFailed, Err: fmt.Errorf("%d of %d checks failed; slipway repo create %s mends secrets and rights", bad, len(findings), r.Name)}
	}
	return nil
}

// secretLacks is what is wrong with a key of a Secret, the usual one if it names none.
func secretLacks(ctx context.Context, c *cluster.Cluster, key *v1alpha1.SecretKey, usual string) string {
	if key == nil {
		return "spec.webhookSecret is missing"
	}
	secret, err := c.Core.CoreV1().Secrets(c.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	switch name := cmp.Or(key.Key, usual); {
	case isNotFound(err):
		return fmt.Sprintf("there is no secret %s", key.Name)
	case err != nil:
		return c.Explain(err).Error()
	case len(secret.Data[name]) == 0:
		return fmt.Sprintf("secret %s has no key %s", key.Name, name)
	}
	return ""
}

// gatewayReads asks the API server whether the gateway may read the webhook's secret.
func gatewayReads(ctx context.Context, c *cluster.Cluster, r *v1alpha1.Repository, secret, namespace string) finding {
	what := "the gateway may read the secret " + secret
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               fmt.Sprintf("system:serviceaccount:%s:%s", namespace, gatewayAccount),
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: r.Namespace, Verb: "get", Resource: "secrets", Name: secret},
	}}
	got, err := c.Core.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	switch {
	case err != nil:
		return finding{what, c.Explain(err).Error()}
	case !got.Status.Allowed:
		return finding{what, fmt.Sprintf("it needs a Role in namespace %s with get on the secret %s, bound to the service account %s of %s", r.Namespace, secret, gatewayAccount, namespace)}
	}
	return finding{what: what}
}
