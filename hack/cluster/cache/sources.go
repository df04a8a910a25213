package cache

// Source is a program built from a Go module.
type Source struct {
	Name    string
	Module  string
	Version string
	// Folder is that of the module it is built in, relative to the checkout, where one
	// of ours chooses the versions of what it is made of; empty means its own.
	Folder   string
	Packages []string
	Tags     string
	LDFlags  string
	// CGO builds need gcc and the C libraries in Packages of debian.go.
	CGO bool
	// Takes says how long a cold build takes on 2 cores.
	Takes string
}

const (
	kubernetesVersion = "v1.36.3"
	containerdVersion = "v2.4.2"
	component         = "k8s.io/component-base/version"
)

// Sources are the programs of the cluster, the slowest first.
var Sources = []Source{
	{Name: "kubernetes", Module: "k8s.io/kubernetes", Version: kubernetesVersion, Folder: "hack/cluster/kubernetes", Packages: []string{"."},
		LDFlags: "-X " + component + ".gitVersion=" + kubernetesVersion + " -X " + component + ".gitMajor=1 -X " + component + ".gitMinor=36",
		Takes:   "5 min"},
	{Name: "containerd", Module: "github.com/containerd/containerd/v2", Version: containerdVersion, Tags: "no_btrfs,no_zfs,no_devmapper",
		Packages: []string{"./cmd/containerd", "./cmd/containerd-shim-runc-v2", "./cmd/ctr"},
		LDFlags:  "-X github.com/containerd/containerd/v2/version.Version=" + containerdVersion, Takes: "2 min"},
	{Name: "runc", Module: "github.com/opencontainers/runc", Version: "v1.4.2", Tags: "seccomp", CGO: true, Packages: []string{"."}, Takes: "30 s"},
	{Name: "registry", Module: "github.com/distribution/distribution/v3", Version: "v3.0.0", Packages: []string{"./cmd/registry"}, Takes: "1 min"},
	{Name: "coredns", Module: "github.com/coredns/coredns", Version: "v1.13.1", Packages: []string{"."}, Takes: "3 min"},
	{Name: "local-path-provisioner", Module: "github.com/rancher/local-path-provisioner", Version: "v0.0.30", Packages: []string{"."}, Takes: "1 min"},
}

// Tools are programs for developers and tests, built when first asked for.
var Tools = []Source{
	{Name: "cosign", Version: "v2.6.5", Folder: "hack/cluster/cosign", Packages: []string{"github.com/sigstore/cosign/v2/cmd/cosign"}, Takes: "2 min"},
	// It acts for nodes that are not there, so that a bench has thousands of Pods.
	{Name: "kwok", Module: "sigs.k8s.io/kwok", Version: "v0.8.0", Packages: []string{"./cmd/kwok"}, Takes: "3 min"},
}

// Gitea is the forge of the end-to-end tests and of the demo, built when first asked
// for. It is linked statically, so that its image needs no C library.
var Gitea = Source{Name: "gitea", Module: "code.gitea.io/gitea", Version: "v1.26.0", Packages: []string{"."}, CGO: true,
	Tags:    "sqlite,sqlite_unlock_notify,sqlite_omit_load_extension,netgo,osusergo",
	LDFlags: "-linkmode external -extldflags -static -X main.Version=1.26.0", Takes: "6 min"}
