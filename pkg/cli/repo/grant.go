package repo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/trigger"
)

// credentialsSuffix makes the name of the Secret with the token and the webhook's secret.
const credentialsSuffix = "-forge"

// gatewayAccount is the service account that reads webhook secrets.
const gatewayAccount = "gateway"

// hookAnnotation is the address of the webhook that was made at the forge.
const hookAnnotation = v1alpha1.GroupName + "/webhook"

func isNotFound(err error) bool { return apierrors.IsNotFound(err) }

// grant makes what a Repository needs beside it, owned by it.
type grant struct {
	*cluster.Cluster
	repository       *v1alpha1.Repository
	token, user      string
	gatewayNamespace string
}

func (g *grant) credentials() string { return g.repository.Name + credentialsSuffix }
func (g *grant) gitAuth() string     { return trigger.GitAuthSecret(g.repository.Name) }

func (g *grant) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: g.repository.Namespace, Name: name, OwnerReferences: []metav1.OwnerReference{*v1alpha1.OwnerReference(g.repository)}}
}

// apply makes the Secrets, and lets the gateway read the one with the webhook's secret,
// which it returns: the one that is there if there is one, as the forge has it.
func (g *grant) apply(ctx context.Context) (hookSecret string, err error) {
	there, err := g.Core.CoreV1().Secrets(g.repository.Namespace).Get(ctx, g.credentials(), metav1.GetOptions{})
	if err != nil && !isNotFound(err) {
		return "", g.Explain(err)
	}
	if hookSecret = string(there.Data[v1alpha1.WebhookSecretKey]); hookSecret == "" {
		hookSecret = newSecret()
	}
	git, err := gitCredentials(g.repository.Spec.URL, g.user, g.token)
	if err != nil {
		return "", err
	}
	for _, s := range []*corev1.Secret{
		{ObjectMeta: g.meta(g.credentials()), StringData: map[string]string{v1alpha1.CredentialsKey: g.token, v1alpha1.WebhookSecretKey: hookSecret}},
		{ObjectMeta: g.meta(g.gitAuth()), StringData: git},
	} {
		if err := g.secret(ctx, s); err != nil {
			return "", g.Explain(err)
		}
	}
	if err := g.allowGateway(ctx); err != nil {
		return "", g.Explain(err)
	}
	return hookSecret, nil
}

func (g *grant) secret(ctx context.Context, s *corev1.Secret) error {
	secrets := g.Core.CoreV1().Secrets(s.Namespace)
	_, err := secrets.Create(ctx, s, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	patch, err := json.Marshal(map[string]any{"stringData": s.StringData})
	if err != nil {
		return err
	}
	_, err = secrets.Patch(ctx, s.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// allowGateway lets the gateway read one Secret by its name, and no other.
func (g *grant) allowGateway(ctx context.Context) error {
	name := g.repository.Name + "-gateway"
	role := &rbacv1.Role{ObjectMeta: g.meta(name), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{g.credentials()}, Verbs: []string{"get"}}}}
	if _, err := g.Core.RbacV1().Roles(role.Namespace).Create(ctx, role, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: g.meta(name), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: gatewayAccount, Namespace: g.gatewayNamespace}}}
	if _, err := g.Core.RbacV1().RoleBindings(role.Namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// gitCredentials are the files that git reads, as the workspace of a task that clones has
// them.
func gitCredentials(address, user, token string) (map[string]string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	site := u.Scheme + "://" + u.Host
	u = &url.URL{Scheme: u.Scheme, Host: u.Host, User: url.UserPassword(user, token)}
	return map[string]string{
		".gitconfig":       fmt.Sprintf("[credential %q]\n\thelper = store\n", site),
		".git-credentials": u.String() + "\n",
	}, nil
}

// remember notes the address of the webhook, by which it is deleted again.
func remember(ctx context.Context, c *cluster.Cluster, r *v1alpha1.Repository, address string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{hookAnnotation: address}}})
	if err != nil {
		return err
	}
	if _, err := c.Repositories().Patch(ctx, r.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return c.Explain(err)
	}
	return nil
}
