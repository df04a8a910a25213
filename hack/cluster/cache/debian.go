package cache

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// hostPackages must be installed on the machine: programs of the node and of the demo,
// and what building runc needs.
var hostPackages = []string{
	"ca-certificates", "conntrack", "containernetworking-plugins", "curl", "gcc", "git", "iproute2", "iptables", "jq",
	"libc6-dev", "libseccomp-dev", "pkg-config",
}

// MissingPackages lists the Debian packages that the machine lacks.
func MissingPackages() ([]string, error) {
	out, _ := exec.Command("dpkg-query", append([]string{"-W", "-f", "${db:Status-Status} ${Package}\n"}, hostPackages...)...).Output()
	if len(out) == 0 {
		if _, err := exec.LookPath("dpkg-query"); err != nil {
			return nil, fmt.Errorf("this machine is not Debian: the cluster needs apt and dpkg (Debian 12 is tested)")
		}
	}
	return missing(string(out), hostPackages), nil
}

func missing(installed string, wanted []string) []string {
	have := strings.Split(installed, "\n")
	return slices.DeleteFunc(slices.Clone(wanted), func(name string) bool { return slices.Contains(have, "installed "+name) })
}

// Install installs Debian packages, if any are named.
func Install(names []string) error {
	if len(names) == 0 {
		return nil
	}
	if err := apt("update", "-q"); err != nil {
		return err
	}
	return apt(slices.Concat([]string{"install", "-y", "-q", "--no-install-recommends"}, names)...)
}

func apt(args ...string) error {
	cmd := exec.Command("apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, tail(string(out), 10))
	}
	return nil
}

// EtcdServer is Debian's etcd. It is unpacked, not installed: the package would
// start an etcd of its own.
const EtcdServer = "etcd-server"

// Unpack returns a folder with the files of a Debian package that stays
// uninstalled.
func (c *Cache) Unpack(name string) (string, error) {
	return c.Make(UnpackKey(name), func(dir string) error {
		work, err := os.MkdirTemp("", "slipway-deb-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(work)
		cmd := exec.Command("apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", name)
		cmd.Dir = work
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get download %s: %w\n%s", name, err, tail(string(out), 10))
		}
		debs, _ := filepath.Glob(filepath.Join(work, "*.deb"))
		if len(debs) != 1 {
			return fmt.Errorf("apt-get download %s: want one package, got %q", name, debs)
		}
		if out, err := exec.Command("dpkg-deb", "-x", debs[0], dir).CombinedOutput(); err != nil {
			return fmt.Errorf("dpkg-deb -x %s: %w: %s", debs[0], err, out)
		}
		return nil
	})
}

// UnpackKey names what Unpack makes.
func UnpackKey(name string) string { return "debian-" + name }

// Fetch downloads packages and all they depend on into dir, as if nothing were
// installed.
func Fetch(dir string, packages []string) error {
	nothing := filepath.Join(dir, ".status")
	if err := os.MkdirAll(filepath.Join(dir, "partial"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(nothing, nil, 0o644); err != nil {
		return err
	}
	return apt(slices.Concat([]string{"install", "-y", "--download-only", "--no-install-recommends", "-o", "Dir::State::status=" + nothing,
		"-o", "Dir::Cache::archives=" + dir, "-o", "APT::Sandbox::User=root"}, packages)...)
}
