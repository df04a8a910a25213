// Package version is `slipway version`.
package version

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/pkg/cli/internal/env"
)

// Where Slipway is installed, and the label its Deployments carry.
const (
	namespace     = "slipway-system"
	partOfSlipway = "app.kubernetes.io/part-of=slipway"
)

// versions is what the command says, and prints with -o.
type versions struct {
	// Client is this program's.
	Client string `json:"client"`
	// Server holds those of Slipway's parts in the cluster, tags or digests.
	Server     []part `json:"server,omitempty"`
	Kubernetes string `json:"kubernetes,omitempty"`
}

type part struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// NewCommand makes `slipway version`.
func NewCommand(e *env.Env) *cobra.Command {
	var client bool
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the versions of this program, of Slipway in the cluster, and of Kubernetes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write, ok := formats[format]
			if !ok {
				return env.Usage("--output %s: it is json or yaml", format)
			}
			v := versions{Client: e.Version}
			if !client {
				if err := v.ask(cmd.Context(), e); err != nil {
					return err
				}
			}
			return write(e.Out, v)
		},
	}
	cmd.Flags().BoolVar(&client, "client", false, "only of this program; ask no cluster")
	cmd.Flags().StringVarP(&format, "output", "o", "", "json or yaml")
	return cmd
}

func (v *versions) ask(ctx context.Context, e *env.Env) error {
	c, err := e.Cluster()
	if err != nil {
		return err
	}
	kube, err := c.Core.Discovery().ServerVersion()
	if err != nil {
		return c.Explain(err)
	}
	v.Kubernetes = kube.GitVersion
	list, err := c.Core.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{LabelSelector: partOfSlipway})
	if err != nil {
		return c.Explain(err)
	}
	for _, d := range list.Items {
		for _, container := range d.Spec.Template.Spec.Containers {
			v.Server = append(v.Server, part{strings.TrimPrefix(d.Name, "slipway-"), tag(container.Image)})
		}
	}
	if len(list.Items) == 0 {
		fmt.Fprintf(e.ErrOut, "Slipway is not installed in this cluster (no Deployment in namespace %s)\n", namespace)
	}
	return nil
}

var formats = map[string]func(io.Writer, versions) error{"": writeText, "json": writeJSON, "yaml": writeYAML}

func writeText(w io.Writer, v versions) error {
	parts := append([]part{{"slipway", v.Client}}, v.Server...)
	if v.Kubernetes != "" {
		parts = append(parts, part{"kubernetes", v.Kubernetes})
	}
	for _, p := range parts {
		if _, err := fmt.Fprintf(w, "%-11s %s\n", p.Name, p.Version); err != nil {
			return err
		}
	}
	return nil
}

func writeJSON(w io.Writer, v versions) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "    ")
	return encoder.Encode(v)
}

func writeYAML(w io.Writer, v versions) error {
	text, err := yaml.Marshal(v)
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

// tag is what stands behind an image's name: the tag or the digest.
func tag(image string) string {
	if _, digest, ok := strings.Cut(image, "@"); ok {
		return digest
	}
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		return image[i+1:]
	}
	return "latest"
}
