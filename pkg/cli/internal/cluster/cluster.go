// Package cluster is the CLI's way to the API server: typed clients of Slipway's kinds, and errors a user can act on.
package cluster

import (
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	slipway "github.com/slipway-dev/slipway/api/slipway/v1alpha1"
	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// Object is a kind's pointer type.
type Object interface {
	runtime.Object
	metav1.Object
}

// Client reads and writes one kind in one namespace.
type Client[T Object, L runtime.Object] = gentype.ClientWithList[T, L]

// Cluster is a connection.
type Cluster struct {
	// Namespace is that of the flags or the context. AllNamespaces is asked for with In(""), for lists only.
	Namespace string
	// Core is the client of Kubernetes' own kinds.
	Core kubernetes.Interface
	// Dynamic writes objects of any kind.
	Dynamic dynamic.Interface

	host string
	rest rest.Interface
	// ours is for the kinds of slipway.dev.
	ours rest.Interface
}

// Connect makes a connection of the usual flags. Nothing is sent yet. Warnings of the API server go to warnings.
func Connect(flags *genericclioptions.ConfigFlags, warnings io.Writer) (*Cluster, error) {
	namespace, _, err := flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, explainConfig(flags, err)
	}
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, explainConfig(flags, err)
	}
	if unconfigured(flags, config.Host) {
		return nil, errNoConfig
	}
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 50, 100
	config.WarningHandler = rest.NewWarningWriter(warnings, rest.WarningWriterOptions{Deduplicate: true})
	return New(config, namespace)
}

// New makes a connection of a REST configuration.
func New(config *rest.Config, namespace string) (*Cluster, error) {
	c := &Cluster{Namespace: namespace, host: config.Host}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	if c.Core, err = kubernetes.NewForConfigAndClient(config, client); err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	if c.Dynamic, err = dynamic.NewForConfigAndClient(config, client); err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	for gv, into := range map[schema.GroupVersion]*rest.Interface{{Group: v1.GroupName, Version: "v1"}: &c.rest, slipway.SchemeGroupVersion: &c.ours} {
		ours := rest.CopyConfig(config)
		ours.GroupVersion = &gv
		ours.APIPath = "/apis"
		ours.NegotiatedSerializer = serializer.NewCodecFactory(Scheme).WithoutConversion()
		if *into, err = rest.RESTClientForConfigAndClient(ours, client); err != nil {
			return nil, fmt.Errorf("kubeconfig: %w", err)
		}
	}
	return c, nil
}

// Host is the address of the API server.
func (c *Cluster) Host() string { return c.host }

// Scheme knows the kinds of tekton.dev/v1 and slipway.dev/v1alpha1.
var Scheme = newScheme()

func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1.AddToScheme, slipway.AddToScheme} {
		if err := add(s); err != nil {
			panic(err) // only if two Go types claim one kind
		}
	}
	metav1.AddToGroupVersion(s, schema.GroupVersion{Version: "v1"})
	return s
}

// In returns the same connection for another namespace; empty means all of them.
func (c *Cluster) In(namespace string) *Cluster {
	other := *c
	other.Namespace = namespace
	return &other
}

// TaskRuns is the client of TaskRuns.
func (c *Cluster) TaskRuns() *Client[*v1.TaskRun, *v1.TaskRunList] {
	return typed(c, "taskruns", func() *v1.TaskRun { return &v1.TaskRun{} }, func() *v1.TaskRunList { return &v1.TaskRunList{} })
}

// PipelineRuns is the client of PipelineRuns.
func (c *Cluster) PipelineRuns() *Client[*v1.PipelineRun, *v1.PipelineRunList] {
	return typed(c, "pipelineruns", func() *v1.PipelineRun { return &v1.PipelineRun{} }, func() *v1.PipelineRunList { return &v1.PipelineRunList{} })
}

// Tasks is the client of Tasks.
func (c *Cluster) Tasks() *Client[*v1.Task, *v1.TaskList] {
	return typed(c, "tasks", func() *v1.Task { return &v1.Task{} }, func() *v1.TaskList { return &v1.TaskList{} })
}

// Pipelines is the client of Pipelines.
func (c *Cluster) Pipelines() *Client[*v1.Pipeline, *v1.PipelineList] {
	return typed(c, "pipelines", func() *v1.Pipeline { return &v1.Pipeline{} }, func() *v1.PipelineList { return &v1.PipelineList{} })
}

// Repositories is the client of Repositories.
func (c *Cluster) Repositories() *Client[*slipway.Repository, *slipway.RepositoryList] {
	return gentype.NewClientWithList("repositories", c.ours, runtime.NewParameterCodec(Scheme), c.Namespace,
		func() *slipway.Repository { return &slipway.Repository{} }, func() *slipway.RepositoryList { return &slipway.RepositoryList{} })
}

// RepositoryEvents is the client of RepositoryEvents.
func (c *Cluster) RepositoryEvents() *Client[*slipway.RepositoryEvent, *slipway.RepositoryEventList] {
	return gentype.NewClientWithList("repositoryevents", c.ours, runtime.NewParameterCodec(Scheme), c.Namespace,
		func() *slipway.RepositoryEvent { return &slipway.RepositoryEvent{} }, func() *slipway.RepositoryEventList { return &slipway.RepositoryEventList{} })
}

func typed[T Object, L runtime.Object](c *Cluster, resource string, one func() T, list func() L) *Client[T, L] {
	return gentype.NewClientWithList(resource, c.rest, runtime.NewParameterCodec(Scheme), c.Namespace, one, list)
}
