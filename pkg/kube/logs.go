package kube

import (
	"context"
	"io"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Logs reads what containers wrote.
type Logs struct {
	clients kubernetes.Interface
}

// NewLogs returns a reader of logs.
func NewLogs(cfg *rest.Config) (*Logs, error) {
	clients, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	return &Logs{clients}, nil
}

// Log returns what the container wrote: the last lines of it, or all when lines
// is 0. The caller closes it.
func (l *Logs) Log(ctx context.Context, pod *corev1.Pod, container string, lines int64) (io.ReadCloser, error) {
	o := &corev1.PodLogOptions{Container: container}
	if lines > 0 {
		o.TailLines = &lines
	}
	return l.clients.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, o).Stream(ctx)
}
