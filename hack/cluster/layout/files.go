package layout

import (
	"bytes"
	"embed"
	"encoding/base64"
	"io/fs"
	"os"
	"strings"
	"text/template"
)

//go:embed files
var files embed.FS

// clients are the identities that talk to the API server through a kubeconfig
// of their own in etc/.
var clients = []string{
	"kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy", "coredns", "local-path-provisioner",
}

// targets maps each file of the state folder to the template it comes from.
func (l *Layout) targets() map[string]string {
	return map[string]string{
		"etc/containerd.toml":                         "containerd.toml",
		"etc/certs.d/_default/hosts.toml":             "hosts-default.toml",
		"etc/certs.d/" + l.Registry() + "/hosts.toml": "hosts-local.toml",
		"etc/cni/10-pods.conflist":                    "cni.conflist",
		"etc/kubelet.yaml":                            "kubelet.yaml",
		"etc/kube-proxy.yaml":                         "kube-proxy.yaml",
		"etc/audit.yaml":                              "audit.yaml",
		"etc/Corefile":                                "Corefile",
		"etc/registry.yaml":                           "registry.yaml",
		"etc/provisioner-config.json":                 "provisioner-config.json",
		"etc/provisioner-helper.yaml":                 "provisioner-helper.yaml",
		"etc/addons.yaml":                             "addons.yaml",
	}
}

// WriteFiles renders every configuration file and kubeconfig. WritePKI comes
// first. resolv is the content of the node's resolv.conf.
func (l *Layout) WriteFiles(resolv []byte) error {
	for target, name := range l.targets() {
		data, err := render(name, l)
		if err != nil {
			return err
		}
		if err := WriteFile(l.Path(target), data, 0o644); err != nil {
			return err
		}
	}
	if err := WriteFile(l.Path("etc/resolv.conf"), resolv, 0o644); err != nil {
		return err
	}
	for _, client := range clients {
		if err := l.writeKubeconfig(l.Path("etc", client+".kubeconfig"), client); err != nil {
			return err
		}
	}
	return l.writeKubeconfig(l.Kubeconfig(), "admin")
}

func (l *Layout) writeKubeconfig(path, user string) error {
	view := struct{ APIServer, CA, User, Cert, Key string }{APIServer: l.APIServer(), User: user}
	for file, field := range map[string]*string{"ca.crt": &view.CA, user + ".crt": &view.Cert, user + ".key": &view.Key} {
		data, err := os.ReadFile(l.Path("pki", file))
		if err != nil {
			return err
		}
		*field = base64.StdEncoding.EncodeToString(data)
	}
	data, err := render("kubeconfig", view)
	if err != nil {
		return err
	}
	return WriteFile(path, data, 0o600)
}

func render(name string, view any) ([]byte, error) {
	text, err := fs.ReadFile(files, "files/"+name)
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, view); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// UsableResolvConf drops the resolvers of a resolv.conf that only the machine
// itself reaches (127.0.0.53 and the like): the node and Pods cannot.
func UsableResolvConf(text string) (usable string, ok bool) {
	var kept []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			kept = append(kept, line)
			continue
		}
		if strings.HasPrefix(fields[1], "127.") || fields[1] == "::1" {
			continue
		}
		kept = append(kept, line)
		ok = true
	}
	return strings.Join(kept, ""), ok
}
