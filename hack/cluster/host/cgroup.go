package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/hack/cluster/layout"
)

const (
	cgroupMount = "/sys/fs/cgroup"
	cgroup2Type = 0x63677270 // CGROUP2_SUPER_MAGIC
)

// CgroupV2 tells whether the machine has the unified hierarchy alone. Machines
// with both count as v1, as they do for the kubelet and runc.
func CgroupV2() (bool, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(cgroupMount, &stat); err != nil {
		return false, fmt.Errorf("%s: %w: this machine has no cgroups mounted, which a kubelet needs", cgroupMount, err)
	}
	return stat.Type == cgroup2Type, nil
}

// hierarchies lists where cgroup file systems are mounted.
func hierarchies() ([]string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	return parseHierarchies(string(mounts)), nil
}

func parseHierarchies(mounts string) []string {
	var points []string
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) > 2 && strings.HasPrefix(fields[1], cgroupMount) && (fields[2] == "cgroup" || fields[2] == "cgroup2") {
			points = append(points, fields[1])
		}
	}
	return points
}

// MakeCgroup makes the cgroup that will hold every Pod's.
func MakeCgroup(l *layout.Layout) error {
	points, err := hierarchies()
	if err != nil {
		return err
	}
	if l.CgroupV2 {
		if err := enableControllers(cgroupMount); err != nil {
			return err
		}
	}
	for _, point := range points {
		if err := os.Mkdir(filepath.Join(point, l.CgroupRoot()), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// kubeletControllers are those a kubelet insists on where the kernel has them.
var kubeletControllers = []string{"cpu", "cpuset", "hugetlb", "memory", "pids"}

// enableControllers hands the unified hierarchy's controllers to the groups below
// its top, as a container runtime would.
func enableControllers(top string) error {
	available, err := os.ReadFile(filepath.Join(top, "cgroup.controllers"))
	if err != nil {
		return err
	}
	file := filepath.Join(top, "cgroup.subtree_control")
	enabled, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, c := range kubeletControllers {
		if !slices.Contains(strings.Fields(string(available)), c) || slices.Contains(strings.Fields(string(enabled)), c) {
			continue
		}
		if err := os.WriteFile(file, []byte("+"+c), 0o644); err != nil {
			return fmt.Errorf("%s: no %s controller for pods: %w: inside a container, start it with a private cgroup namespace and an init that leaves the top group", file, c, err)
		}
	}
	return nil
}

// RemoveCgroup removes the cluster's cgroups. They must hold no process; the
// kernel may need a moment after the last one's end.
func RemoveCgroup(l *layout.Layout, patience time.Duration) error {
	points, err := hierarchies()
	if err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for _, point := range points {
		root := filepath.Join(point, l.CgroupRoot())
		err := removeTree(root)
		for ; errors.Is(err, syscall.EBUSY) && time.Now().Before(deadline); err = removeTree(root) {
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes folders from the leaves up; the files in them are the
// kernel's and go with them.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return syscall.Rmdir(dir)
}
