package doctor

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/pkg/cli/internal/cluster"
	"github.com/slipway-dev/slipway/pkg/kube/settings"
)

// Where Slipway is installed, and the Secret of its signer.
const (
	namespace = "slipway-system"
	keySecret = "signing-secrets"
)

// look sees what there is to see. An error is one of the connection: without it
// nothing can be said.
func look(ctx context.Context, c *cluster.Cluster) (*facts, error) {
	f := &facts{host: c.Host(), served: map[string][]string{}, settings: map[string]map[string]string{}, unread: map[string]error{}}
	version, err := c.Core.Discovery().ServerVersion()
	if err != nil {
		return nil, c.Explain(err)
	}
	f.kubernetes = version.GitVersion
	for check, see := range map[string]func(context.Context, *cluster.Cluster, *facts) error{
		"resources": seeResources, "controller": seeDeployments, "admission": seeWebhooks, "nodes": seeNodes,
		"settings": seeSettings, "storage": seeClasses, "signing key": seeKey,
	} {
		if err := see(ctx, c, f); err != nil {
			f.unread[check] = c.Explain(err)
		}
	}
	if err := f.unread["controller"]; err != nil {
		f.unread["signer"], f.unread["registry"] = err, err
	}
	seeRegistry(ctx, f)
	return f, nil
}

func seeResources(_ context.Context, c *cluster.Cluster, f *facts) error {
	for _, gv := range []metav1.GroupVersion{{Group: "tekton.dev", Version: "v1"}, {Group: "tekton.dev", Version: "v1beta1"},
		{Group: "resolution.tekton.dev", Version: "v1beta1"}} {
		list, err := c.Core.Discovery().ServerResourcesForGroupVersion(gv.String())
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, r := range list.APIResources {
			key := r.Name + "." + gv.Group
			f.served[key] = append(f.served[key], gv.Version)
		}
	}
	return nil
}

func seeDeployments(ctx context.Context, c *cluster.Cluster, f *facts) error {
	deployments, err := c.Core.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	pods, err := c.Core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	f.deployments, f.pods = deployments.Items, pods.Items
	return nil
}

func seeWebhooks(ctx context.Context, c *cluster.Cluster, f *facts) error {
	list, err := c.Core.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, configuration := range list.Items {
		for _, w := range configuration.Webhooks {
			if s := w.ClientConfig.Service; s != nil && s.Namespace == namespace {
				f.webhooks = append(f.webhooks, webhook{name: w.Name, hasCA: len(w.ClientConfig.CABundle) > 0,
					failOpen: w.FailurePolicy != nil && *w.FailurePolicy == "Ignore"})
			}
		}
	}
	return nil
}

func seeNodes(ctx context.Context, c *cluster.Cluster, f *facts) error {
	list, err := c.Core.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err == nil {
		f.nodes = list.Items
	}
	return err
}

func seeSettings(ctx context.Context, c *cluster.Cluster, f *facts) error {
	for _, name := range []string{settings.DefaultsName, settings.FlagsName} {
		m, err := c.Core.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		f.settings[name] = m.Data
	}
	return nil
}

func seeClasses(ctx context.Context, c *cluster.Cluster, f *facts) error {
	list, err := c.Core.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err == nil {
		f.classes = list.Items
	}
	return err
}

func seeKey(ctx context.Context, c *cluster.Cluster, f *facts) error {
	s, err := c.Core.CoreV1().Secrets(namespace).Get(ctx, keySecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	f.key.found = true
	for key := range s.Data {
		f.key.keys = append(f.key.keys, key)
	}
	return nil
}

// seeRegistry asks the registry that the controller's image is in, from here.
func seeRegistry(ctx context.Context, f *facts) {
	for _, d := range f.deployments {
		if ref, err := name.ParseReference(d.Spec.Template.Spec.Containers[0].Image); err == nil && d.Name == "controller" {
			f.registry = ref.Context().RegistryStr()
			if err := ping(ctx, ref.Context().Registry); err != nil {
				f.unreachable = err.Error()
			}
		}
	}
}

// ping takes any answer for one: most registries want a login first.
func ping(ctx context.Context, r name.Registry) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s://%s/v2/", r.Scheme(), r.RegistryStr()), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
