package env

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reach is the http address by which this process reaches a port of a Service: its own
// where the cluster is on this machine, and else a port that is forwarded.
func (e *Env) Reach(namespace, service string, port int) string {
	e.Helper()
	if e.AuditLog == "" {
		return e.Forward(namespace, service, port)
	}
	s, err := e.Kube.CoreV1().Services(namespace).Get(e.Context(), service, metav1.GetOptions{})
	if err != nil {
		e.Fatal(err)
	}
	return fmt.Sprintf("http://%s:%d", s.Spec.ClusterIP, port)
}

// Forward carries a port of this machine to one of a Service until the test ends, and
// returns its http address.
func (e *Env) Forward(namespace, service string, port int) string {
	e.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "kubectl", "-n", namespace, "port-forward", "service/"+service, fmt.Sprintf(":%d", port))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		stop()
		e.Fatalf("kubectl port-forward: %v", err)
	}
	e.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it was killed
	})
	// Forwarding from 127.0.0.1:PORT -> 3000
	line, err := bufio.NewReader(out).ReadString('\n')
	_, address, _ := strings.Cut(line, "from ")
	address, _, ok := strings.Cut(address, " ->")
	if err != nil || !ok {
		e.Fatalf("kubectl port-forward says %q: %v", line, err)
	}
	return "http://" + address
}
