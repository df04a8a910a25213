package repo

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/forge/forges"
)

type createOptions struct {
	url, provider, api, localAPI string
	tokenFile, user              string
	gateway, gatewayNamespace    string
	serviceAccount               string
	noWebhook                    bool
}

func newCreate(e *env.Env, connect Forge) *cobra.Command {
	var o createOptions
	cmd := &cobra.Command{
		Use:   "create [NAME]",
		Short: "Connect a repository: its webhook, secrets, rights and the Repository itself",
		Long: `Connect a repository: its webhook, secrets, rights and the Repository itself.

What is not given by flags is asked for on a terminal. The token is read from --token-file, or from the variable
SLIPWAY_FORGE_TOKEN. It needs the right to read the repository, to set statuses and to comment; to make the webhook,
that of an administrator of the repository. Saying it again changes what is there.`,
		Example: `  slipway repo create
  slipway repo create app --url https://git.example.com/team/app --provider gitea --token-file token \
    --gateway https://hooks.example.com`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return create(cmd.Context(), e, connect, append(args, "")[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.url, "url", "", "address of the repository as a browser shows it; by default that of the remote origin of this folder")
	f.StringVar(&o.provider, "provider", "", "kind of forge: github, gitlab, gitea, forgejo, bitbucket-cloud, bitbucket-datacenter or generic; known for public ones")
	f.StringVar(&o.api, "api", "", "base address of the forge's API, where it is not the provider's usual one")
	f.StringVar(&o.localAPI, "local-api", "", "the same as this machine reaches it, where the cluster reaches it by another")
	f.StringVar(&o.tokenFile, "token-file", "", "file with the token, - for standard input")
	f.StringVar(&o.user, "git-user", "git", "name that goes with the token when the repository is cloned")
	f.StringVar(&o.gateway, "gateway", "", "address by which the forge reaches the gateway, such as https://hooks.example.com")
	f.StringVar(&o.gatewayNamespace, "gateway-namespace", "slipway-system", "namespace of the gateway")
	f.StringVarP(&o.serviceAccount, "serviceaccount", "s", "", "service account of the runs")
	f.BoolVar(&o.noWebhook, "no-webhook", false, "make no webhook at the forge; pushes are found within five minutes")
	return cmd
}

func create(ctx context.Context, e *env.Env, connect Forge, name string, o createOptions) error {
	token, err := o.complete(ctx, e)
	if err != nil {
		return err
	}
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	wanted, err := o.repository(c.Namespace, name)
	if err != nil {
		return err
	}
	here := wanted.DeepCopy()
	here.Spec.API = cmp.Or(o.localAPI, o.api)
	client, err := connect(here, map[string][]byte{v1alpha1.CredentialsKey: []byte(token)})
	if err != nil {
		return env.Usage("%w", err)
	}
	info, err := client.Repository(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", o.url, err)
	}
	fmt.Fprintf(e.Out, "%s answers; its default branch is %s\n", o.url, info.DefaultBranch)
	made, err := apply(ctx, c, wanted)
	if err != nil {
		return err
	}
	g := grant{Cluster: c, repository: made, token: token, gatewayNamespace: o.gatewayNamespace, user: o.user}
	hookSecret, err := g.apply(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "repository %s is connected; its secrets are %s and %s\n", made.Name, g.credentials(), g.gitAuth())
	if o.noWebhook {
		return nil
	}
	address := hookAddress(o.gateway, made)
	if err := client.EnsureHook(ctx, address, hookSecret); err != nil {
		return fmt.Errorf("the webhook could not be made at the forge: %w; make it by hand for %s with the key %s of secret %s, or say --no-webhook",
			err, address, v1alpha1.WebhookSecretKey, g.credentials())
	}
	if err := remember(ctx, c, made, address); err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "the forge sends its webhooks to %s\npush a pipeline under .slipway/ or .tekton/; see: slipway events %s\n", address, made.Name)
	return nil
}

// hookAddress is where the forge sends the webhooks of a repository.
func hookAddress(gateway string, r *v1alpha1.Repository) string {
	return fmt.Sprintf("%s/hooks/%s/%s", strings.TrimRight(gateway, "/"), r.Namespace, r.Name)
}

// complete asks for what is missing, and returns the token.
func (o *createOptions) complete(ctx context.Context, e *env.Env) (token string, err error) {
	ask := newAsker(e)
	if o.url, err = ask.orDefault(o.url, "--url", "Address of the repository", origin(ctx)); err != nil {
		return "", err
	}
	o.url = strings.TrimSuffix(strings.TrimRight(o.url, "/"), ".git")
	if _, err := forges.Provider(v1alpha1.Provider(o.provider), o.url); err != nil {
		if o.provider, err = ask.orDefault("", "--provider", "Kind of forge (github, gitlab, gitea, forgejo, bitbucket-cloud, bitbucket-datacenter, generic)", ""); err != nil {
			return "", err
		}
	}
	if !o.noWebhook {
		if o.gateway, err = ask.orDefault(o.gateway, "--gateway", "Address by which the forge reaches the gateway", ""); err != nil {
			return "", err
		}
	}
	if token, err = o.token(e); err != nil || token != "" {
		return token, err
	}
	return ask.secret("--token-file", "Token for the forge")
}

func (o *createOptions) token(e *env.Env) (string, error) {
	switch o.tokenFile {
	case "":
		return os.Getenv("SLIPWAY_FORGE_TOKEN"), nil
	case "-":
		text, err := io.ReadAll(io.LimitReader(e.In, 1<<16))
		return strings.TrimSpace(string(text)), err
	}
	text, err := os.ReadFile(o.tokenFile)
	if err != nil {
		return "", env.Usage("--token-file: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// origin is the address of the remote origin as a browser shows it; empty if there is none.
func origin(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "remote", "get-url", "origin").Output()
	if err != nil {
		return ""
	}
	return browsable(strings.TrimSpace(string(out)))
}

var scp = regexp.MustCompile(`^[^@/]+@([^:/]+):(.+)$`)

// browsable makes the address of a remote one that a browser shows.
func browsable(remote string) string {
	if m := scp.FindStringSubmatch(remote); m != nil {
		remote = "https://" + m[1] + "/" + m[2]
	}
	u, err := url.Parse(remote)
	if err != nil || u.Host == "" {
		return ""
	}
	if u.Scheme != "http" {
		u.Scheme, u.Host = "https", u.Hostname()
	}
	u.User = nil
	return strings.TrimSuffix(u.String(), ".git")
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

func (o *createOptions) repository(namespace, name string) (*v1alpha1.Repository, error) {
	if name == "" {
		name = strings.Trim(notInName.ReplaceAllString(strings.ToLower(path.Base(o.url)), "-"), "-")
	}
	provider, err := forges.Provider(v1alpha1.Provider(o.provider), o.url)
	if err != nil {
		return nil, env.Usage("%w", err)
	}
	r := &v1alpha1.Repository{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	r.Spec = v1alpha1.RepositorySpec{URL: o.url, Provider: provider, API: o.api, ServiceAccountName: o.serviceAccount,
		Credentials: &v1alpha1.SecretKey{Name: name + credentialsSuffix}, WebhookSecret: &v1alpha1.SecretKey{Name: name + credentialsSuffix}}
	return r, nil
}

// newSecret is what webhooks are signed with.
func newSecret() string { return rand.Text() + rand.Text() }

// apply makes the Repository, or sets what the flags say on the one that is there.
func apply(ctx context.Context, c *cluster.Cluster, wanted *v1alpha1.Repository) (*v1alpha1.Repository, error) {
	there, err := c.Repositories().Get(ctx, wanted.Name, metav1.GetOptions{})
	if isNotFound(err) {
		made, err := c.Repositories().Create(ctx, wanted, metav1.CreateOptions{})
		if err != nil {
			return nil, c.Explain(err)
		}
		return made, nil
	} else if err != nil {
		return nil, c.Explain(err)
	}
	there.Spec.URL, there.Spec.Provider, there.Spec.API = wanted.Spec.URL, wanted.Spec.Provider, wanted.Spec.API
	there.Spec.Credentials, there.Spec.WebhookSecret = wanted.Spec.Credentials, wanted.Spec.WebhookSecret
	there.Spec.ServiceAccountName = cmp.Or(wanted.Spec.ServiceAccountName, there.Spec.ServiceAccountName)
	made, err := c.Repositories().Update(ctx, there, metav1.UpdateOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	return made, nil
}
