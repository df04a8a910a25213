package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/hack/cluster/host"
	"github.com/slipway-dev/slipway/hack/cluster/layout"
	"github.com/slipway-dev/slipway/hack/cluster/node"
)

// check is one thing that must be true of a cluster in use; its error says what
// is not.
type check func(*layout.Layout) error

const patience = 3 * time.Minute

// wait repeats a check until it holds. If it does not in time it says why and
// where to look.
func (l *launch) wait(c check) error {
	deadline := time.Now().Add(patience)
	for {
		err := c(l.layout)
		if err == nil {
			return nil
		}
		if _, ok := host.RunningNode(l.layout); !ok {
			if err := l.restartNode(); err != nil {
				return err
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w after %s\n%s", err, patience, diagnose(l.layout))
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// restartNode starts a node that ended under `up`, once: it may have been dying
// when `up` looked.
func (l *launch) restartNode() error {
	if l.restarted {
		return fmt.Errorf("the node ends as soon as it starts: %s", tailOf(l.layout.Path("log", "node.log"), 5))
	}
	l.restarted = true
	l.progress.note("the node ended: starting it again")
	return l.startNode()
}

// networkFree tells whether a node that does not run could have its network back. That
// of one that was just killed is gone a moment later; another cluster's stays.
func networkFree(l *layout.Layout, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		if _, ok := host.RunningNode(l); ok {
			return nil
		}
		taken, err := host.Taken()
		if err != nil || !l.Overlaps(taken) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the network %s of this cluster is another's now: take that one down first", l.Pods)
		}
	}
}

func apiReady(l *layout.Layout) error {
	_, err := get(l, l.APIServer()+"/readyz")
	return err
}

func registryReady(l *layout.Layout) error {
	_, err := get(l, "http://"+l.Registry()+"/v2/")
	return err
}

func nodeReady(l *layout.Layout) error {
	body, err := get(l, l.APIServer()+"/api/v1/nodes/"+layout.NodeName)
	if err != nil {
		return err
	}
	var object struct {
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := json.Unmarshal(body, &object); err != nil {
		return err
	}
	for _, c := range object.Status.Conditions {
		if c.Type == "Ready" && c.Status == "True" {
			return errors.Join(freshLease(l), componentsUp(l), defaultAccount(l))
		}
		if c.Type == "Ready" {
			return fmt.Errorf("the node is not ready: %s", c.Message)
		}
	}
	return errors.New("the node has not reported yet")
}

// freshLease tells a report of this node's kubelet from one that an earlier node
// left in etcd.
func freshLease(l *layout.Layout) error {
	body, err := get(l, l.APIServer()+"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"+layout.NodeName)
	if err != nil {
		return err
	}
	var lease struct{ Spec struct{ RenewTime time.Time } }
	if err := json.Unmarshal(body, &lease); err != nil {
		return err
	}
	since, err := host.NodeStarted(l)
	if err == nil && lease.Spec.RenewTime.Before(since) {
		err = errors.New("the kubelet has not reported since the node started")
	}
	return err
}

func componentsUp(l *layout.Layout) error {
	components, err := states(l)
	if err != nil {
		return err
	}
	for _, s := range components {
		if s.PID == 0 {
			return fmt.Errorf("%s is down: %s", s.Name, s.LastExit)
		}
	}
	return nil
}

// defaultAccount is the last thing a namespace gets; no Pod starts before it.
func defaultAccount(l *layout.Layout) error {
	_, err := get(l, l.APIServer()+"/api/v1/namespaces/default/serviceaccounts/default")
	return err
}

// get asks with the administrator's certificate.
func get(l *layout.Layout, url string) ([]byte, error) {
	pair, err := tls.LoadX509KeyPair(l.Path("pki", "admin.crt"), l.Path("pki", "admin.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(l.Path("pki", "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 5 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", url, response.Status)
	}
	return body, err
}

// states reads what the node last reported.
func states(l *layout.Layout) ([]node.State, error) {
	data, err := os.ReadFile(node.StatusFile(l.State))
	if err != nil {
		return nil, err
	}
	var s []node.State
	return s, json.Unmarshal(data, &s)
}

// diagnose shows the end of the log of each component that does not stay up.
func diagnose(l *layout.Layout) string {
	var out strings.Builder
	components, _ := states(l) // without a report there is nothing to show but the way out
	for _, s := range components {
		if s.PID == 0 || s.Restarts > 2 {
			log := l.Path("log", s.Name+".log")
			fmt.Fprintf(&out, "%s ended %d times (%s); the end of %s:\n%s\n", s.Name, s.Restarts, s.LastExit, log, tailOf(log, 10))
		}
	}
	fmt.Fprintf(&out, "logs are in %s; to start over: go run ./hack/cluster down, then up", l.Path("log"))
	return out.String()
}

func tailOf(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
