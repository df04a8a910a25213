package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/slipway-dev/slipway/api/tekton/v1"
)

// lagPort is where the step listens.
const lagPort = 9000

// Lags writes numbered lines into a step, at so many a second, and returns how long
// each took to come out of `CLI logs -f`, in order. A line that is lost or out of order
// is an error. The step copies what it gets over the network, which has to reach Pods from here:
// so one clock measures both ends.
func (l *Lab) Lags(ctx context.Context, cli string, lines, perSecond int) ([]time.Duration, error) {
	run := &v1.TaskRun{ObjectMeta: metav1.ObjectMeta{Name: "lag"}, Spec: v1.TaskRunSpec{TaskSpec: &v1.TaskSpec{Steps: []v1.Step{
		{Name: "copy", Image: l.Registry + "/busybox", Command: []string{"nc", "-l", "-p", strconv.Itoa(lagPort)}}}}}}
	if err := l.Create(ctx, run); err != nil {
		return nil, err
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: run.Name + "-pod"}}
	if _, err := l.Await(ctx, Started, pod); err != nil {
		return nil, err
	}
	found, err := l.Kube.CoreV1().Pods(l.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	logs := exec.CommandContext(ctx, cli, "logs", "-f", "-n", l.Namespace, run.Name)
	out, err := logs.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := logs.Start(); err != nil {
		return nil, err
	}
	sent := make(chan error, 1)
	go func() { sent <- send(ctx, found.Status.PodIP, lines, perSecond) }()
	lags, err := receive(bufio.NewScanner(out), lines)
	return lags, errors.Join(err, <-sent, logs.Wait())
}

func send(ctx context.Context, ip string, lines, perSecond int) error {
	conn, err := dial(ctx, net.JoinHostPort(ip, strconv.Itoa(lagPort)))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// The follower is to be there before the first line.
	time.Sleep(time.Second)
	start := time.Now()
	for i := range lines {
		if wait := time.Duration(i)*time.Second/time.Duration(perSecond) - time.Since(start); wait > time.Millisecond {
			time.Sleep(wait)
		}
		if _, err := fmt.Fprintf(conn, "line %d %d\n", i, time.Now().UnixNano()); err != nil {
			return err
		}
	}
	return nil
}

// dial waits for the step to listen.
func dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func receive(in *bufio.Scanner, lines int) ([]time.Duration, error) {
	var lags []time.Duration
	for in.Scan() {
		now := time.Now()
		_, text, ok := strings.Cut(in.Text(), "line ")
		if !ok {
			continue
		}
		var number int
		var at int64
		if _, err := fmt.Sscanf(text, "%d %d", &number, &at); err != nil || number != len(lags) {
			return lags, fmt.Errorf("after %d lines came %q", len(lags), in.Text())
		}
		lags = append(lags, now.Sub(time.Unix(0, at)))
	}
	if len(lags) != lines {
		return lags, fmt.Errorf("%d of %d lines came", len(lags), lines)
	}
	return lags, in.Err()
}
