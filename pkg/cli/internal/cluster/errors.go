package cluster

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/slipway-dev/slipway/pkg/suggest"
)

var errNoConfig = errors.New("no cluster is configured; set KUBECONFIG, or name the file with --kubeconfig")

// explainConfig says what is wrong with the kubeconfig. The loader's own error does not tell which contexts there are.
func explainConfig(flags *genericclioptions.ConfigFlags, err error) error {
	raw, rawErr := flags.ToRawKubeConfigLoader().RawConfig()
	asked := ""
	if flags.Context != nil {
		asked = *flags.Context
	}
	switch {
	case clientcmd.IsEmptyConfig(err):
		return errNoConfig
	case rawErr == nil && asked != "" && raw.Contexts[asked] == nil:
		return fmt.Errorf("the kubeconfig has no context %q%s", asked, suggest.DidYouMean(asked, slices.Sorted(maps.Keys(raw.Contexts))))
	case errors.Is(err, os.ErrNotExist) && flags.KubeConfig != nil:
		return fmt.Errorf("--kubeconfig %s: there is no such file", *flags.KubeConfig)
	default:
		return fmt.Errorf("kubeconfig: %s", oneLine(err))
	}
}

// unconfigured reports whether the address is only what client-go falls back to when nothing names a cluster.
func unconfigured(flags *genericclioptions.ConfigFlags, host string) bool {
	raw, err := flags.ToRawKubeConfigLoader().RawConfig()
	return err == nil && len(raw.Clusters) == 0 && strings.HasSuffix(host, "localhost:8080") &&
		(flags.APIServer == nil || *flags.APIServer == "")
}

// Explain turns an error of the API into one line that says what to do. Errors of other kinds come back as they are.
func (c *Cluster) Explain(err error) error {
	var dial *url.Error
	var untrusted x509.UnknownAuthorityError
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the cluster at %s does not accept your credentials; log in again, or choose another --context", c.host)
	case isMissingAPI(err):
		return fmt.Errorf("the cluster at %s does not serve tekton.dev/v1; install Slipway there (kubectl apply -k config/default), or choose another --context", c.host)
	case errors.As(err, &untrusted):
		return fmt.Errorf("the certificate of %s is not signed by the kubeconfig's authority; is it the right --context?", c.host)
	case errors.As(err, &dial):
		return fmt.Errorf("no cluster answers at %s (%s); is it up, and is it the right --context?", c.host, rootCause(dial))
	default:
		return err
	}
}

// isMissingAPI tells an unknown kind, for which the server has only a page not found, from an unknown object.
func isMissingAPI(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details == nil || details.Name == "" || strings.Contains(err.Error(), "could not find the requested resource")
}

func rootCause(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return "no such host"
	case errors.As(err, &op):
		return oneLine(op.Err)
	default:
		var u *url.Error
		for errors.As(err, &u) {
			err = u.Err
		}
		return oneLine(err)
	}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// NamespaceHint says what is wrong with the namespace, or "". It is asked when something was not found there.
func (c *Cluster) NamespaceHint(ctx context.Context) string {
	_, err := c.Core.CoreV1().Namespaces().Get(ctx, c.Namespace, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return ""
	}
	hint := fmt.Sprintf("there is no namespace %q", c.Namespace)
	all, err := c.Core.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return hint
	}
	var names []string
	for _, ns := range all.Items {
		names = append(names, ns.Name)
	}
	return hint + suggest.DidYouMean(c.Namespace, names)
}
