package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/hack/cluster/cache"
	"github.com/slipway-dev/slipway/hack/cluster/host"
	"github.com/slipway-dev/slipway/hack/cluster/layout"
	"github.com/slipway-dev/slipway/hack/cluster/node"
	"github.com/slipway-dev/slipway/hack/images/base"
)

// launch carries one `up` from step to step.
type launch struct {
	cache    *cache.Cache
	layout   *layout.Layout
	progress *progress
	// built maps the name of a Source to the folder of its programs.
	built map[string]string
	// restarted tells that the node ended during this `up`.
	restarted bool
}

func up(state string, upstream bool) error {
	if os.Geteuid() != 0 {
		return errors.New("up: a node needs root: run this as root or with sudo -E")
	}
	unlock, err := host.Lock(state, func() { fmt.Fprintln(os.Stderr, "waiting for another up or down of this cluster") })
	if err != nil {
		return err
	}
	defer unlock()
	c, err := cache.Open()
	if err != nil {
		return err
	}
	l := &launch{cache: c, progress: newProgress(os.Stderr), built: map[string]string{}}
	if err := l.progress.run(append(l.prepare(), l.start(state, upstream)...)); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "the cluster is up; for kubectl and the registry: eval \"$(go run ./hack/cluster env)\"\n")
	return nil
}

// prepare lists the steps that fill the cache.
func (l *launch) prepare() []step {
	steps := []step{{
		title: "Debian packages", takes: "1 min",
		done: func() bool { names, err := cache.MissingPackages(); return err == nil && len(names) == 0 },
		run: func() error {
			names, err := cache.MissingPackages()
			if err != nil {
				return err
			}
			return cache.Install(names)
		},
	}, {
		title: "fetch etcd", takes: "10 s",
		done: func() bool { return l.cache.Has(cache.UnpackKey(cache.EtcdServer)) },
		run: func() (err error) {
			l.built[cache.EtcdServer], err = l.cache.Unpack(cache.EtcdServer)
			return err
		},
	}}
	for _, s := range cache.Sources {
		steps = append(steps, step{
			title: "build " + s.Name + " " + s.Version, takes: s.Takes,
			done: func() bool { key, err := l.cache.Key(s); return err == nil && l.cache.Has(key) },
			run: func() (err error) {
				l.built[s.Name], err = l.cache.Build(s)
				return err
			},
		})
	}
	return steps
}

// start lists the steps from a full cache to a cluster in use.
func (l *launch) start(state string, upstream bool) []step {
	return []step{
		{title: "configure", takes: "1 s", run: func() error { return l.configure(state, upstream) }},
		{title: "start the node", takes: "1 s", run: l.startNode},
		{title: "wait for Kubernetes", takes: "15 s", run: func() error { return l.wait(apiReady) }},
		{title: "base images", takes: "1 min the first time", run: func() error {
			if err := l.wait(registryReady); err != nil {
				return err
			}
			return base.Push(l.layout.Registry(), l.cache, l.progress.note)
		}},
		{title: "storage class", takes: "1 s", run: l.applyAddons},
		{title: "wait for the node", takes: "10 s", run: func() error { return l.wait(nodeReady) }},
	}
}

// configure chooses what is not chosen yet and writes every file.
func (l *launch) configure(state string, upstream bool) error {
	var chosen bool
	var err error
	if l.layout, chosen, err = layout.Load(state); err != nil {
		return err
	}
	if !chosen {
		taken, err := host.Taken()
		if err != nil {
			return err
		}
		mtu, err := host.MTU()
		if err != nil {
			return err
		}
		if l.layout.Network, err = layout.Choose(taken, mtu); err != nil {
			return err
		}
	} else if err := networkFree(l.layout, 10*time.Second); err != nil {
		return err
	}
	if l.layout.CgroupV2, err = host.CgroupV2(); err != nil {
		return err
	}
	l.layout.Upstream = l.layout.Upstream || upstream
	if err := l.layout.Save(); err != nil {
		return err
	}
	if err := l.layout.WritePKI(time.Now()); err != nil {
		return err
	}
	return l.layout.WriteFiles([]byte(resolvConf()))
}

// resolvConf returns the machine's resolvers as far as the node can use them.
func resolvConf() string {
	for _, path := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if usable, ok := layout.UsableResolvConf(string(text)); ok {
			return usable
		}
	}
	fmt.Fprintln(os.Stderr, "  no name server of this machine can be reached from Pods: only names in the cluster will resolve")
	return "nameserver 192.0.2.1\n" // never answers (RFC 5737)
}

// spec is what the node shall run.
func (l *launch) spec() *node.Spec {
	s := &node.Spec{Layout: l.layout, State: l.layout.State, Cache: l.cache.Dir}
	s.Path = l.built["containerd"] + ":" + l.built["runc"] + ":/usr/sbin:/usr/bin:/sbin:/bin"
	for _, c := range l.layout.Components() {
		s.Programs = append(s.Programs, node.Program{Component: c, Path: filepath.Join(l.built[c.Source], c.Binary)})
	}
	return s
}

// startNode starts the node unless it runs as it should.
func (l *launch) startNode() error {
	if err := l.linkKubectl(); err != nil {
		return err
	}
	spec, err := json.MarshalIndent(l.spec(), "", "  ")
	if err != nil {
		return err
	}
	file := node.SpecFile(l.layout.State)
	old, _ := os.ReadFile(file)
	if process, ok := host.RunningNode(l.layout); ok {
		if bytes.Equal(old, spec) {
			return nil
		}
		l.progress.note("it runs with other programs or settings: restarting it")
		if err := process.Kill(time.Minute); err != nil {
			return err
		}
	}
	if err := layout.WriteFile(file, spec, 0o644); err != nil {
		return err
	}
	if err := os.MkdirAll(l.layout.Path("log"), 0o755); err != nil {
		return err
	}
	if err := host.MakeCgroup(l.layout); err != nil {
		return err
	}
	return l.spawn()
}

// spawn starts the node's first process in namespaces of its own and connects it.
func (l *launch) spawn() error {
	ready, signal, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	defer signal.Close()
	log, err := os.OpenFile(l.layout.Path("log", "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe", "node")
	cmd.Env = append(os.Environ(), "SLIPWAY_CLUSTER_STATE="+l.layout.State)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{ready}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("node: new namespaces: %w", err)
	}
	process, err := host.Identify(cmd.Process.Pid)
	if err != nil {
		return err
	}
	if err := host.RecordNode(l.layout, process); err != nil {
		return err
	}
	if err := host.Wire(l.layout, process.PID); err != nil {
		return err
	}
	if _, err := signal.Write([]byte{1}); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// linkKubectl puts kubectl where `env` adds it to PATH.
func (l *launch) linkKubectl() error {
	link := l.layout.Path("bin", "kubectl")
	target := filepath.Join(l.built["kubernetes"], "kubernetes")
	if old, err := os.Readlink(link); err == nil && old == target {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(target, link+".tmp"); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return os.Rename(link+".tmp", link)
}

// applyAddons creates what Pods expect of a cluster, unless this cluster has it.
func (l *launch) applyAddons() error {
	file, applied := l.layout.Path("etc", "addons.yaml"), l.layout.Path("addons-applied.yaml")
	wanted, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	old, _ := os.ReadFile(applied)
	if _, err := get(l.layout, l.layout.APIServer()+"/apis/storage.k8s.io/v1/storageclasses/local-path"); err == nil && bytes.Equal(old, wanted) {
		return nil
	}
	cmd := exec.Command(l.layout.Path("bin", "kubectl"), "apply", "--server-side", "--force-conflicts", "-f", file)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+l.layout.Kubeconfig())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl apply: %w: %s", err, out)
	}
	return layout.WriteFile(applied, wanted, 0o644)
}
