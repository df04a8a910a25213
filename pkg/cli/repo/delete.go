package repo

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/repositories"
)

type deleteOptions struct {
	keepHook bool
	localAPI string
}

func newDelete(e *env.Env, connect Forge) *cobra.Command {
	var o deleteOptions
	cmd := &cobra.Command{
		Use:     "delete NAME",
		Aliases: []string{"rm"},
		Short:   "Disconnect a repository: its webhook, secrets, events and runs are deleted with it",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.remove(cmd.Context(), e, connect, args[0])
		},
	}
	cmd.Flags().BoolVar(&o.keepHook, "keep-webhook", false, "leave the webhook at the forge, such as when the forge is gone")
	cmd.Flags().StringVar(&o.localAPI, "local-api", "", "base address of the forge's API as this machine reaches it, where the cluster reaches it by another")
	return cmd
}

func (o deleteOptions) remove(ctx context.Context, e *env.Env, connect Forge, name string) error {
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	r, err := repositories.Find(ctx, c, name)
	if err != nil {
		return err
	}
	if address := r.Annotations[hookAnnotation]; address != "" && !o.keepHook && r.Spec.Credentials != nil {
		secret, err := c.Core.CoreV1().Secrets(r.Namespace).Get(ctx, r.Spec.Credentials.Name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("%w; to leave the webhook at the forge say --keep-webhook", c.Explain(err))
		}
		here := r.DeepCopy()
		if o.localAPI != "" {
			here.Spec.API = o.localAPI
		}
		client, err := connect(here, secret.Data)
		if err == nil {
			err = client.DeleteHook(ctx, address)
		}
		if err != nil {
			return fmt.Errorf("the webhook could not be deleted at the forge: %w; to leave it there say --keep-webhook", err)
		}
	}
	if err := c.Repositories().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return c.Explain(err)
	}
	_, err = fmt.Fprintf(e.Out, "repository %s is disconnected\n", name)
	return err
}
