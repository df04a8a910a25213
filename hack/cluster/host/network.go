package host

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/hack/cluster/layout"
	"github.com/slipway-dev/slipway/hack/cluster/node"
)

const forwardSwitch = "/proc/sys/net/ipv4/ip_forward"

// Taken lists every range the machine has an address in or a route to.
func Taken() ([]netip.Prefix, error) {
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return nil, err
	}
	taken := parseRoutes(string(routes))
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			taken = append(taken, p.Masked())
		}
	}
	return taken, nil
}

// parseRoutes reads the kernel's table: hexadecimal, little endian.
func parseRoutes(table string) []netip.Prefix {
	var prefixes []netip.Prefix
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		dst, err := strconv.ParseUint(fields[1], 16, 32)
		mask, errMask := strconv.ParseUint(fields[7], 16, 32)
		if err != nil || errMask != nil {
			continue
		}
		ones, _ := net.IPv4Mask(byte(mask), byte(mask>>8), byte(mask>>16), byte(mask>>24)).Size()
		addr := netip.AddrFrom4([4]byte{byte(dst), byte(dst >> 8), byte(dst >> 16), byte(dst >> 24)})
		prefixes = append(prefixes, netip.PrefixFrom(addr, ones))
	}
	return prefixes
}

// MTU is the smallest MTU of the machine's interfaces that are up, so that a
// Pod's packet fits wherever it leaves.
func MTU() (int, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return 0, err
	}
	mtu := 1500
	for _, i := range interfaces {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 && i.MTU >= 576 {
			mtu = min(mtu, i.MTU)
		}
	}
	return mtu, nil
}

// rules are the firewall's: Pods reach the world under the machine's address,
// also where other software drops forwarded packets by default.
func rules(l *layout.Layout) [][]string {
	pods := l.Pods.String()
	mark := []string{"-m", "comment", "--comment", "slipway cluster " + l.Link}
	return [][]string{
		slices.Concat([]string{"nat", "POSTROUTING", "-s", pods, "!", "-d", pods}, mark, []string{"-j", "MASQUERADE"}),
		slices.Concat([]string{"filter", "FORWARD", "-s", pods}, mark, []string{"-j", "ACCEPT"}),
		slices.Concat([]string{"filter", "FORWARD", "-d", pods}, mark, []string{"-j", "ACCEPT"}),
	}
}

func iptables(operation string, rule []string) error {
	return run("iptables", slices.Concat([]string{"-w", "-t", rule[0], operation}, rule[1:])...)
}

// Wire connects the machine with the node whose first process is pid.
func Wire(l *layout.Layout, pid int) error {
	mtu := strconv.Itoa(l.MTU)
	_ = run("ip", "link", "delete", l.Link) // left by an `up` that was killed
	for _, command := range [][]string{
		{"link", "add", l.Link, "mtu", mtu, "type", "veth", "peer", "name", node.WireInside, "netns", strconv.Itoa(pid)},
		{"addr", "add", l.Host().String() + "/24", "dev", l.Link},
		{"link", "set", l.Link, "up"},
		{"route", "replace", l.Services.String(), "via", l.Node().String(), "dev", l.Link},
	} {
		if err := run("ip", command...); err != nil {
			return err
		}
	}
	for _, rule := range rules(l) {
		if iptables("-C", rule) == nil {
			continue
		}
		if err := iptables("-I", rule); err != nil {
			return err
		}
	}
	return forwardOn(l)
}

// forwardOn lets the machine route for Pods, and remembers if it did not before.
func forwardOn(l *layout.Layout) error {
	now, err := os.ReadFile(forwardSwitch)
	if err != nil || strings.TrimSpace(string(now)) == "1" {
		return err
	}
	if err := layout.WriteFile(l.Path("forward-was-off"), nil, 0o644); err != nil {
		return err
	}
	return os.WriteFile(forwardSwitch, []byte("1"), 0o644)
}

// Unwire takes back all of Wire.
func Unwire(l *layout.Layout) error {
	if _, err := net.InterfaceByName(l.Link); err == nil {
		if err := run("ip", "link", "delete", l.Link); err != nil {
			return err
		}
	}
	for _, rule := range rules(l) {
		for iptables("-C", rule) == nil {
			if err := iptables("-D", rule); err != nil {
				return err
			}
		}
	}
	if _, err := os.Stat(l.Path("forward-was-off")); errors.Is(err, fs.ErrNotExist) || anotherCluster() {
		return nil
	}
	return os.WriteFile(forwardSwitch, []byte("0"), 0o644)
}

// anotherCluster tells whether a wire of some other cluster is left.
func anotherCluster() bool {
	interfaces, err := net.Interfaces()
	return err != nil || slices.ContainsFunc(interfaces, func(i net.Interface) bool { return strings.HasPrefix(i.Name, layout.LinkPrefix) })
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
