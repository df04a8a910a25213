// Package verify is `slipway verify`.
package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
	"github.com/slipway-dev/slipway/pkg/cli/internal/style"
	"github.com/slipway-dev/slipway/pkg/provenance"
	"github.com/slipway-dev/slipway/pkg/sign"
)

// Verifier checks an image's signature and provenance against a public key in PEM. An image that must not be trusted
// is a *sign.Refusal; any other error means that no answer was found.
type Verifier func(ctx context.Context, image string, publicKey []byte) (sign.Report, error)

type options struct {
	key    string
	output string
}

// NewCommand makes `slipway verify`.
func NewCommand(e *env.Env, verifier Verifier) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "verify IMAGE",
		Short: "Check an image's signature and show its provenance",
		Long: `Check that an image carries a signature and SLSA provenance made with a key, and show where it came from.

The exit code is 0 if the image is accepted, 1 if it is refused, 5 if no answer was found.`,
		Example: `  slipway verify registry.example/app:v1 --key cosign.pub
  slipway verify registry.example/app:v1 --key k8s://slipway-system/signing-secrets -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), e, verifier, args[0], o)
		},
	}
	cmd.Flags().StringVar(&o.key, "key", "", "public key: a file, or k8s://NAMESPACE/SECRET with an entry cosign.pub (required)")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "json or yaml")
	return cmd
}

func run(ctx context.Context, e *env.Env, verifier Verifier, image string, o options) error {
	if o.key == "" {
		return env.Usage("which key? give --key FILE, or --key k8s://NAMESPACE/SECRET")
	}
	if o.output != "" && o.output != "json" && o.output != "yaml" {
		return env.Usage("--output %s: it is json or yaml", o.output)
	}
	key, err := readKey(ctx, e, o.key)
	if err != nil {
		return err
	}
	report, err := verifier(ctx, image, key)
	var refusal *sign.Refusal
	switch {
	case errors.As(err, &refusal):
		fmt.Fprintf(e.ErrOut, "%s %s\n", e.ErrStyle.Symbol(style.Failed), e.ErrStyle.Paint(style.Failed, "refused: "+refusal.Error()))
		return &env.ExitError{Code: env.ExitFailed}
	case errors.Is(err, sign.ErrBadName):
		return &env.ExitError{Code: env.ExitUsage, Err: err}
	case err != nil:
		return err
	}
	return show(e, report, o.output)
}

// readKey reads a public key from a file or from a Secret as cosign writes it.
func readKey(ctx context.Context, e *env.Env, where string) ([]byte, error) {
	ref, inCluster := strings.CutPrefix(where, "k8s://")
	if !inCluster {
		key, err := os.ReadFile(where)
		if errors.Is(err, os.ErrNotExist) {
			return nil, env.Usage("--key %s: there is no such file", where)
		}
		return key, err
	}
	namespace, name, ok := strings.Cut(ref, "/")
	if !ok || name == "" {
		return nil, env.Usage("--key %s: write k8s://NAMESPACE/SECRET", where)
	}
	c, err := e.Cluster()
	if err != nil {
		return nil, err
	}
	secret, err := c.Core.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, c.Explain(err)
	}
	key, ok := secret.Data[sign.SecretPublic]
	if !ok {
		return nil, fmt.Errorf("secret %s/%s has no entry %s", namespace, name, sign.SecretPublic)
	}
	return key, nil
}

func show(e *env.Env, r sign.Report, format string) error {
	if format == "" {
		return text(e.Out, e.Style, r)
	}
	body, err := json.MarshalIndent(struct {
		Image      string                 `json:"image"`
		Signatures int                    `json:"signatures"`
		Provenance []provenance.Statement `json:"provenance"`
	}{r.Image, r.Signatures, r.Provenance}, "", "  ")
	if err != nil {
		return err
	}
	if format == "yaml" {
		if body, err = yaml.JSONToYAML(body); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(e.Out, "%s\n", strings.TrimSuffix(string(body), "\n"))
	return err
}

func text(w io.Writer, s style.Style, r sign.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", s.Symbol(style.Succeeded), s.Bold(r.Image))
	fmt.Fprintf(&b, "  signatures  %d by this key\n", r.Signatures)
	for _, st := range r.Provenance {
		run := st.Predicate.RunDetails
		fmt.Fprintf(&b, "  provenance  SLSA v1, builder %s, run %s\n", run.Builder.ID, run.Metadata.InvocationID)
		if run.Metadata.FinishedOn != nil {
			fmt.Fprintf(&b, "  built       %s\n", run.Metadata.FinishedOn.UTC().Format("2006-01-02 15:04:05 MST"))
		}
		for _, source := range st.Sources() {
			fmt.Fprintf(&b, "  source      %s%s\n", source.URI, commit(source))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func commit(d provenance.Descriptor) string {
	for _, algorithm := range []string{"gitCommit", "sha1"} {
		if c := d.Digest[algorithm]; c != "" {
			return " at commit " + c
		}
	}
	return ""
}
