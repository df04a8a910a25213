// Package layout says what one cluster looks like: its addresses, its folders
// and every configuration file in them. It reads and writes nothing outside the
// state folder it is given.
package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
)

// Ports inside the node. They are the usual ones and always free, because the
// node has a network namespace of its own.
const (
	APIPort      = 6443
	RegistryPort = 5000
	NodeName     = "slipway"
	DNSDomain    = "cluster.local"
	// LinkPrefix begins the name of every cluster's wire on the machine.
	LinkPrefix = "slipway"
)

// Network is the part of a cluster that must not collide with anything else on
// the machine. It is chosen by the first `up` and kept until `down`.
type Network struct {
	// Pods is the /24 of Pods, node and host side; its first address is the node.
	Pods netip.Prefix `json:"pods"`
	// Services is the /24 of ClusterIPs.
	Services netip.Prefix `json:"services"`
	// Link is the name of the host's end of the wire to the node.
	Link string `json:"link"`
	// MTU of the wire and of every Pod, in bytes.
	MTU int `json:"mtu"`
}

// Choose returns the first pair of ranges that overlaps none of the taken ones.
func Choose(taken []netip.Prefix, mtu int) (Network, error) {
	pods, err := firstFree(244, 254, taken)
	if err != nil {
		return Network{}, err
	}
	services, err := firstFree(96, 106, taken)
	if err != nil {
		return Network{}, err
	}
	octets := pods.Addr().As4()
	link := fmt.Sprintf("%s%d-%d", LinkPrefix, octets[1], octets[2])
	return Network{Pods: pods, Services: services, Link: link, MTU: mtu}, nil
}

// firstFree searches 10.from.0.0/24, 10.from.1.0/24 … below 10.to.0.0.
func firstFree(from, to byte, taken []netip.Prefix) (netip.Prefix, error) {
	for second := from; second < to; second++ {
		for third := range 256 {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, second, byte(third), 0}), 24)
			if !overlapsAny(p, taken) {
				return p, nil
			}
		}
	}
	return netip.Prefix{}, fmt.Errorf("no free /24 between 10.%d.0.0 and 10.%d.0.0: remove a route that covers them", from, to)
}

// Overlaps reports whether one of these is part of the network, or the other way round.
func (n Network) Overlaps(taken []netip.Prefix) bool {
	return overlapsAny(n.Pods, taken) || overlapsAny(n.Services, taken)
}

func overlapsAny(p netip.Prefix, taken []netip.Prefix) bool {
	for _, t := range taken {
		if t.Bits() > 0 && t.Overlaps(p) {
			return true
		}
	}
	return false
}

// Node is the address of the node: API server, registry and DNS listen there,
// and host, node and Pods all reach it.
func (n Network) Node() netip.Addr { return n.Pods.Addr().Next() }

// Host is the machine's own address on the wire.
func (n Network) Host() netip.Addr { return n.Node().Next() }

// FirstPod and LastPod bound the addresses given to Pods.
func (n Network) FirstPod() netip.Addr { return withLastOctet(n.Pods, 10) }

// LastPod is the highest address given to a Pod.
func (n Network) LastPod() netip.Addr { return withLastOctet(n.Pods, 254) }

// APIService is the ClusterIP of the Service "kubernetes".
func (n Network) APIService() netip.Addr { return n.Services.Addr().Next() }

func withLastOctet(p netip.Prefix, last byte) netip.Addr {
	a := p.Addr().As4()
	a[3] = last
	return netip.AddrFrom4(a)
}

// Layout is one cluster on disk.
type Layout struct {
	// State is the folder that holds everything of this cluster.
	State string `json:"-"`
	Network
	// CgroupV2 tells whether the machine has the unified hierarchy only.
	CgroupV2 bool `json:"cgroupV2"`
	// Upstream lets the node pull images it does not find in its own registry
	// from the registry that their name says.
	Upstream bool `json:"upstream"`
}

// Path joins elements to the state folder.
func (l *Layout) Path(elem ...string) string {
	return filepath.Join(append([]string{l.State}, elem...)...)
}

// Registry is HOST:PORT of the registry, the same from host, node and Pods.
func (l *Layout) Registry() string { return fmt.Sprintf("%s:%d", l.Node(), RegistryPort) }

// APIServer is the URL of the API server, the same from host, node and Pods.
func (l *Layout) APIServer() string { return fmt.Sprintf("https://%s:%d", l.Node(), APIPort) }

// Kubeconfig is the file with the administrator's credentials.
func (l *Layout) Kubeconfig() string { return l.Path("kubeconfig") }

// AuditLog is the file in which the API server records every request.
func (l *Layout) AuditLog() string { return l.Path("log", "audit.log") }

// CgroupRoot is the path, below each hierarchy, of every Pod's cgroup.
func (l *Layout) CgroupRoot() string { return "/" + l.Link }

// Load reads the choice an earlier `up` made; ok is false if there is none.
func Load(state string) (l *Layout, ok bool, err error) {
	l = &Layout{State: state}
	data, err := os.ReadFile(l.Path("layout.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return l, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if err := json.Unmarshal(data, l); err != nil {
		return nil, false, fmt.Errorf("%s: %w", l.Path("layout.json"), err)
	}
	return l, true, nil
}

// Save records the choice.
func (l *Layout) Save() error {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(l.Path("layout.json"), data, 0o644)
}

// WriteFile replaces path in one step, so that a kill leaves the old or the new
// content. It leaves a file that has the content already untouched.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(data) {
		return os.Chmod(path, mode)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, mode); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
