package node

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/slipway-dev/slipway/hack/cluster/layout"
)

// private are the top folders the node does not share with the machine.
var private = []string{"proc", "run", "var", "tmp", "lost+found"}

// stateFolders maps folders whose names Kubernetes fixes to the state folder's
// own, which outlive the node.
var stateFolders = map[string]string{
	"/var/lib/kubelet": "kubelet",
	"/var/lib/cni":     "cni",
	"/var/log/pods":    "log/pods",
}

// enterRoot gives the node a root of its own: the machine's programs and
// devices, but empty /var, /run and /tmp. Nothing the node mounts or writes
// there reaches the machine.
func enterRoot(spec *Spec) error {
	l := spec.Layout
	if err := syscall.Mount("", "/", "", syscall.MS_SLAVE|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("make / a slave: %w", err)
	}
	root := l.Path("root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("node", root, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount %s: %w", root, err)
	}
	if err := shareTopFolders(root); err != nil {
		return err
	}
	// Both may lie below a folder that is private.
	for _, shared := range []string{l.State, spec.Cache} {
		if err := bind(shared, filepath.Join(root, shared)); err != nil {
			return err
		}
	}
	if err := pivot(root); err != nil {
		return err
	}
	// The kubelet passes mounts on to Pods, which needs them shared.
	if err := syscall.Mount("", "/", "", syscall.MS_SHARED|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("make / shared: %w", err)
	}
	return fillRoot(l)
}

func shareTopFolders(root string) error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, e := range entries {
		from, to := "/"+e.Name(), filepath.Join(root, e.Name())
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(from)
			if err != nil {
				return err
			}
			if err := os.Symlink(target, to); err != nil {
				return err
			}
		case !e.IsDir():
		case slices.Contains(private, e.Name()):
			if err := os.MkdirAll(to, 0o755); err != nil {
				return err
			}
		default:
			if err := bind(from, to); err != nil {
				return err
			}
		}
	}
	return os.Chmod(filepath.Join(root, "tmp"), fs.ModeSticky|0o777)
}

func pivot(root string) error {
	const machine = "/.machine"
	old := filepath.Join(root, machine)
	if err := os.Mkdir(old, 0o700); err != nil {
		return err
	}
	if err := syscall.PivotRoot(root, old); err != nil {
		return fmt.Errorf("enter %s: %w", root, err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	// A proc of the new PID namespace must be there before the old one goes:
	// without one in sight the kernel refuses another in a user namespace.
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := syscall.Unmount(machine, syscall.MNT_DETACH); err != nil {
		return err
	}
	return os.Remove(machine)
}

func fillRoot(l *layout.Layout) error {
	for target, name := range stateFolders {
		if err := os.MkdirAll(l.Path(name), 0o755); err != nil {
			return err
		}
		if err := bind(l.Path(name), target); err != nil {
			return err
		}
	}
	// Addresses and networks of Pods that died with the last node are free again.
	if err := os.RemoveAll("/var/lib/cni/networks"); err != nil {
		return err
	}
	if err := os.Symlink("/run", "/var/run"); err != nil {
		return err
	}
	return overResolvConf(l.Path("etc/resolv.conf"))
}

// overResolvConf puts the node's resolv.conf where the machine's one points to.
func overResolvConf(from string) error {
	target := "/etc/resolv.conf"
	if link, err := os.Readlink(target); err == nil {
		if target = link; !filepath.IsAbs(link) {
			target = filepath.Join("/etc", link)
		}
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(target); err != nil {
		if err := os.WriteFile(target, nil, 0o644); err != nil {
			return err
		}
	}
	return syscall.Mount(from, target, "", syscall.MS_BIND, "")
}

func bind(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(from, to, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", from, to, err)
	}
	return nil
}
