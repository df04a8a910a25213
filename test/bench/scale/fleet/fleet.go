// Package fleet makes nodes that kwok (https://kwok.sigs.k8s.io) acts for: Pods on them
// start and end in the API alone, so that a machine holds thousands.
package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

const (
	// label marks the nodes of a fleet with its name.
	label = "bench.slipway.dev/fleet"
	// podsPerNode is how many Pods a node takes: the more, the more the scheduler copies
	// with each change of one.
	podsPerNode = 250
)

// Options say where a fleet is and how large.
type Options struct {
	Client client.Client
	// Name tells it from others on the cluster.
	Name string
	// Pods is how many it has room for.
	Pods int
	// Kwok is the path of the program, and Kubeconfig that of its credentials.
	Kwok, Kubeconfig string
	// Failed is called when kwok ends and nobody asked it to.
	Failed func(error)
}

// Fleet is a number of fake nodes.
type Fleet struct {
	Options
	dir  string
	stop context.CancelFunc
	run  errgroup.Group
	ctx  context.Context
}

// Start makes the nodes and has the Pods on them start. They run until Release.
func Start(ctx context.Context, o Options) (*Fleet, error) {
	dir, err := os.MkdirTemp("", "slipway-fleet-")
	if err != nil {
		return nil, err
	}
	f := &Fleet{Options: o, dir: dir}
	// What is to be removed after a failure still needs its nodes.
	f.ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := f.nodes(ctx); err != nil {
		return nil, errors.Join(err, f.Stop())
	}
	if err := f.kwok("starts", starts); err != nil {
		return nil, errors.Join(err, f.Stop())
	}
	return f, nil
}

// Release has the Pods that run end, and those that will.
func (f *Fleet) Release() error { return f.kwok("ends", ends) }

// Template sends Pods to the fleet. Its nodes are closed to all that do not tolerate it.
func (f *Fleet) Template() *v1.PodTemplate {
	return &v1.PodTemplate{NodeSelector: map[string]string{label: f.Name}, Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}}
}

// nodes are as able as the first of the cluster's own.
func (f *Fleet) nodes(ctx context.Context) error {
	var there corev1.NodeList
	if err := f.Client.List(ctx, &there, client.Limit(1)); err != nil {
		return err
	}
	if len(there.Items) == 0 {
		return errors.New("the cluster has no node to take after")
	}
	room := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1k"), corev1.ResourceMemory: resource.MustParse("1Ti"),
		corev1.ResourcePods: *resource.NewQuantity(podsPerNode, resource.DecimalSI)}
	for i := range (f.Pods + podsPerNode - 1) / podsPerNode {
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", f.Name, i), Labels: map[string]string{label: f.Name}},
			// Whoever asks what the cluster's nodes can do passes over those that take no Pods.
			Spec: corev1.NodeSpec{Unschedulable: true},
			Status: corev1.NodeStatus{Capacity: room, Allocatable: room, NodeInfo: there.Items[0].Status.NodeInfo,
				RuntimeHandlers: there.Items[0].Status.RuntimeHandlers,
				Conditions:      []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.Now()}}},
		}
		if err := f.Client.Create(ctx, node); err != nil {
			return err
		}
	}
	return nil
}

// kwok starts one with a configuration.
func (f *Fleet) kwok(name, config string) error {
	file := filepath.Join(f.dir, name+".yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(f.ctx, f.Kwok, "--config="+file, "--kubeconfig="+f.Kubeconfig, "--manage-nodes-with-label-selector="+label+"="+f.Name)
	cmd.Env = append(os.Environ(), "HOME="+f.dir, // where it would look for settings of others
		"KUBE_FEATURE_WatchListClient=false") // which etcd has from 3.5 on
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is not for it
	var said tail
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("kwok: %w", err)
	}
	f.run.Go(func() error {
		err := cmd.Wait()
		if f.ctx.Err() == nil {
			f.Failed(fmt.Errorf("kwok ended (%w): %s", err, said.String()))
		}
		return nil
	})
	return nil
}

// Stop ends what was started and removes the nodes.
func (f *Fleet) Stop() error {
	f.stop()
	return errors.Join(f.run.Wait(), os.RemoveAll(f.dir),
		f.Client.DeleteAllOf(context.Background(), &corev1.Node{}, client.MatchingLabels{label: f.Name}))
}

// tail keeps the end of what is written to it.
type tail struct{ bytes.Buffer }

const keep = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	n, err := t.Buffer.Write(p)
	if over := t.Len() - 2*keep; over > 0 {
		t.Next(t.Len() - keep)
	}
	return n, err
}

func (t *tail) String() string {
	text := strings.TrimSpace(t.Buffer.String())
	return text[max(0, len(text)-keep):]
}
