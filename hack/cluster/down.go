package main

import (
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/slipway-dev/slipway/hack/cluster/host"
	"github.com/slipway-dev/slipway/hack/cluster/layout"
)

// down ends the cluster, whatever state it is in, and removes its traces.
func down(state string) error {
	if os.Geteuid() != 0 {
		return errors.New("down: run this as root or with sudo -E")
	}
	unlock, err := host.Lock(state, func() { fmt.Fprintln(os.Stderr, "waiting for another up or down of this cluster") })
	if err != nil {
		return err
	}
	defer unlock()
	l, chosen, err := layout.Load(state)
	if err != nil {
		return err
	}
	if !chosen {
		return host.RemoveState(state)
	}
	if process, ok := host.RunningNode(l); ok {
		if err := process.Kill(time.Minute); err != nil {
			return err
		}
	}
	if err := host.Unwire(l); err != nil {
		return err
	}
	if err := host.RemoveCgroup(l, 10*time.Second); err != nil {
		return err
	}
	return host.RemoveState(state)
}

// status shows every component; its error tells scripts that something is down.
func status(state string) error {
	l, err := running(state)
	if err != nil {
		return err
	}
	components, err := states(l)
	if err != nil {
		return err
	}
	process, _ := host.RunningNode(l)
	pids := host.HostPIDs(process)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tPID\tRESTARTS\tLOG")
	fmt.Fprintf(table, "node\t%d\t\t%s\n", process.PID, l.Path("log", "node.log"))
	for _, s := range components {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", s.Name, pidText(pids[s.PID], s.LastExit), s.Restarts, l.Path("log", s.Name+".log"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, c := range []check{apiReady, registryReady, nodeReady} {
		if err := c(l); err != nil {
			return err
		}
	}
	fmt.Printf("\nnode ready; API server %s; registry %s\n", l.APIServer(), l.Registry())
	return nil
}

func pidText(pid int, lastExit string) string {
	if pid == 0 {
		return "down: " + lastExit
	}
	return fmt.Sprint(pid)
}
