package layout

import "strconv"

// Component is one process of the node.
type Component struct {
	// Name is also the name of its log in log/.
	Name string `json:"name"`
	// Binary is its name in the folder of its Source.
	Binary string `json:"binary"`
	// Source is the name of what it is built from.
	Source string   `json:"source"`
	Args   []string `json:"args"`
}

// Components lists every process in the order of their start. None waits for
// another: each retries until what it needs is there.
func (l *Layout) Components() []Component {
	kubernetes := func(name string, args ...string) Component {
		return Component{Name: name, Binary: "kubernetes", Source: "kubernetes", Args: append([]string{name}, args...)}
	}
	config := func(name string) string { return l.Path("etc", name) }
	return []Component{
		{Name: "etcd", Binary: "usr/bin/etcd", Source: "etcd-server", Args: []string{
			"--data-dir=" + l.Path("etcd"), "--unsafe-no-fsync", "--log-level=warn"}},
		{Name: "containerd", Binary: "containerd", Source: "containerd", Args: []string{"--config=" + config("containerd.toml")}},
		{Name: "registry", Binary: "registry", Source: "registry", Args: []string{"serve", config("registry.yaml")}},
		kubernetes("kube-apiserver", l.apiserverArgs()...),
		kubernetes("kube-controller-manager", l.controllerManagerArgs()...),
		kubernetes("kube-scheduler", "--kubeconfig="+config("kube-scheduler.kubeconfig"), "--leader-elect=false"),
		kubernetes("kubelet", "--config="+config("kubelet.yaml"), "--kubeconfig="+config("kubelet.kubeconfig"),
			"--hostname-override="+NodeName, "--node-ip="+l.Node().String(), "--node-labels=disktype=ssd"),
		kubernetes("kube-proxy", "--config="+config("kube-proxy.yaml")),
		{Name: "coredns", Binary: "coredns", Source: "coredns", Args: []string{"-conf", config("Corefile")}},
		{Name: "local-path-provisioner", Binary: "local-path-provisioner", Source: "local-path-provisioner", Args: []string{
			"start", "--kubeconfig", config("local-path-provisioner.kubeconfig"), "--config", config("provisioner-config.json"),
			"--namespace", "local-path-storage", "--helper-image", l.Registry() + "/busybox:latest",
			"--helper-pod-file", config("provisioner-helper.yaml")}},
	}
}

func (l *Layout) apiserverArgs() []string {
	pki := func(name string) string { return l.Path("pki", name) }
	return []string{
		"--etcd-servers=http://127.0.0.1:2379",
		"--advertise-address=" + l.Node().String(),
		"--secure-port=" + strconv.Itoa(APIPort),
		"--service-cluster-ip-range=" + l.Services.String(),
		"--client-ca-file=" + pki("ca.crt"),
		"--tls-cert-file=" + pki("apiserver.crt"),
		"--tls-private-key-file=" + pki("apiserver.key"),
		"--kubelet-certificate-authority=" + pki("ca.crt"),
		"--kubelet-client-certificate=" + pki("apiserver-kubelet-client.crt"),
		"--kubelet-client-key=" + pki("apiserver-kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc." + DNSDomain,
		"--service-account-key-file=" + pki("service-account.key"),
		"--service-account-signing-key-file=" + pki("service-account.key"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--audit-policy-file=" + l.Path("etc", "audit.yaml"),
		"--audit-log-path=" + l.AuditLog(),
		"--audit-log-maxsize=500",
		"--audit-log-maxbackup=1",
	}
}

func (l *Layout) controllerManagerArgs() []string {
	pki := func(name string) string { return l.Path("pki", name) }
	return []string{
		"--kubeconfig=" + l.Path("etc", "kube-controller-manager.kubeconfig"),
		"--leader-elect=false",
		"--use-service-account-credentials",
		"--service-account-private-key-file=" + pki("service-account.key"),
		"--root-ca-file=" + pki("ca.crt"),
		"--cluster-signing-cert-file=" + pki("ca.crt"),
		"--cluster-signing-key-file=" + pki("ca.key"),
	}
}
