package host

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/hack/cluster/layout"
)

func TestParseStat(t *testing.T) {
	line := "4747 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21\n"
	started, state, err := parseStat(line)
	if err != nil || started != 987654 || state != "S" {
		t.Errorf("parseStat = %d, %q, %v; want 987654, S: a name may hold parentheses and spaces", started, state, err)
	}
	if _, _, err := parseStat("no process"); err == nil {
		t.Error("parseStat accepts what is no stat line")
	}
}

func TestAliveTellsAnotherProcessOfTheSamePID(t *testing.T) {
	me, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !me.Alive() {
		t.Error("this process is alive")
	}
	earlier := me
	earlier.Started--
	if earlier.Alive() {
		t.Error("a process that started at another time is another process")
	}
	otherBoot := me
	otherBoot.Boot = "another"
	if otherBoot.Alive() {
		t.Error("no process outlives its boot")
	}
}

func TestKill(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := Identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	impostor := p
	impostor.Started++
	if err := impostor.Kill(time.Second); err != nil || !p.Alive() {
		t.Fatalf("Kill of a process that is gone (%v) must leave the one with its PID alone", err)
	}
	if err := p.Kill(10 * time.Second); err != nil || p.Alive() {
		t.Errorf("Kill: %v, alive %v", err, p.Alive())
	}
	if err := cmd.Wait(); err == nil {
		t.Error("sleep ended by itself")
	}
}

func TestRunningNodeForgetsADeadOne(t *testing.T) {
	l := &layout.Layout{State: t.TempDir()}
	if _, ok := RunningNode(l); ok {
		t.Error("an empty folder has no node")
	}
	me, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, started := range []uint64{me.Started, me.Started + 1} {
		p := Process{PID: me.PID, Started: started, Boot: me.Boot}
		if err := RecordNode(l, p); err != nil {
			t.Fatal(err)
		}
		if got, ok := RunningNode(l); ok != (p == me) || got != p {
			t.Errorf("RunningNode = %+v, %v; recorded %+v", got, ok, p)
		}
	}
}

func TestParseStatus(t *testing.T) {
	inside := "Name:\tetcd\nPPid:\t4747\nNSpid:\t4777\t12\n"
	if parent, outer, inner, ok := parseStatus(inside); parent != 4747 || outer != 4777 || inner != 12 || !ok {
		t.Errorf("parseStatus = %d %d %d %v", parent, outer, inner, ok)
	}
	if _, _, _, ok := parseStatus("PPid:\t1\nNSpid:\t99\n"); ok {
		t.Error("a process of this namespace is none of the node's")
	}
}

func TestParseRoutes(t *testing.T) {
	table := "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
		"cni0\t0000F40A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
	want := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("10.244.0.0/16")}
	if got := parseRoutes(table); !slices.Equal(got, want) {
		t.Errorf("parseRoutes = %v, want %v", got, want)
	}
}

func TestParseHierarchies(t *testing.T) {
	for _, tc := range []struct {
		why, mounts string
		want        []string
	}{
		{why: "v2: one for all", mounts: "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n/dev/vda / ext4 rw 0 0\n", want: []string{"/sys/fs/cgroup"}},
		{why: "v1: one a controller, under a tmpfs", mounts: "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
			want: []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"}},
		{why: "another container's view is not ours", mounts: "cgroup /mnt/x/sys/fs/cgroup/cpu cgroup rw 0 0\n"},
	} {
		if got := parseHierarchies(tc.mounts); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.why, got, tc.want)
		}
	}
}

func TestEnableControllers(t *testing.T) {
	for _, tc := range []struct{ why, available, enabled, want string }{
		{why: "what is missing is added", available: "cpuset cpu io memory pids", enabled: "cpu memory pids", want: "+cpuset"},
		{why: "a complete set is not written again", available: "cpu io memory", enabled: "memory cpu", want: "memory cpu"},
	} {
		top := t.TempDir()
		for name, data := range map[string]string{"cgroup.controllers": tc.available, "cgroup.subtree_control": tc.enabled} {
			if err := os.WriteFile(filepath.Join(top, name), []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := enableControllers(top); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(filepath.Join(top, "cgroup.subtree_control")); string(got) != tc.want {
			t.Errorf("%s: wrote %q, want %q", tc.why, got, tc.want)
		}
	}
}

func TestLockIsReleasedAndStateRemoved(t *testing.T) {
	state := filepath.Join(t.TempDir(), "clusters", "one")
	for range 2 {
		unlock, err := Lock(state, func() { t.Error("nobody holds the lock") })
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(state, "log"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := RemoveState(state); err != nil {
			t.Fatal(err)
		}
		unlock()
	}
	if _, err := os.Stat(filepath.Dir(state)); !os.IsNotExist(err) {
		t.Errorf("something is left in %s: %v", filepath.Dir(state), err)
	}
}
