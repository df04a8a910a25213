package taskrun

import (
	"context"
	"fmt"
	"io"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

// LogReader reads what a container wrote to its standard output: the last lines
// of it, or all when lines is 0.
type LogReader interface {
	Log(ctx context.Context, pod *corev1.Pod, container string, lines int64) (io.ReadCloser, error)
}

// collect completes the messages of containers whose results did not fit into
// their termination message.
func (r *Reconciler) collect(ctx context.Context, pod *corev1.Pod, containers []string) (map[string]contract.Message, error) {
	found := map[string]contract.Message{}
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Terminated == nil || !slices.Contains(containers, s.Name) {
			continue
		}
		said, err := contract.Decode([]byte(s.State.Terminated.Message))
		if err != nil || said.Log == nil {
			continue
		}
		whole, err := r.tail(ctx, pod, s.Name, said)
		if err != nil {
			return nil, fmt.Errorf("results of container %s: %w", s.Name, err)
		}
		found[s.Name] = whole
	}
	return found, nil
}

// tail looks in the last lines first: that is where they are unless something
// else still wrote.
func (r *Reconciler) tail(ctx context.Context, pod *corev1.Pod, container string, said contract.Message) (contract.Message, error) {
	var last error
	for _, lines := range []int64{int64(said.Log.Lines), 0} {
		log, err := r.Logs.Log(ctx, pod, container, lines)
		if err != nil {
			return contract.Message{}, err
		}
		whole, err := contract.Collect(log, said)
		_ = log.Close()
		if err == nil {
			return whole, nil
		}
		last = err
	}
	return contract.Message{}, last
}
