package entrypoint

import (
	"os"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/entrypoint/contract"
)

const (
	// holdLook is the pause between looks for containers that come up.
	holdLook = 5 * time.Millisecond
	// holdQuiet is how long the step is held while no further container comes
	// up: one whose image is being pulled meets a task that is at work.
	holdQuiet = time.Second
)

// hold returns ready once the containers of the steps in Hold are up, or none
// of those that are missing has come up for a while; or with the ending of a
// step that was cancelled meanwhile.
func (e *entry) hold() (end ending, ready bool) {
	missing := stillDown(e.Hold)
	look := time.NewTicker(holdLook)
	defer look.Stop()
	quiet := time.NewTimer(holdQuiet)
	defer quiet.Stop()
	for len(missing) > 0 {
		select {
		case <-look.C:
			if now := stillDown(missing); len(now) < len(missing) {
				missing = now
				quiet.Reset(holdQuiet)
			}
		case <-quiet.C:
			return ending{}, true
		case s := <-e.signals.pass:
			return cancelledBefore(s), false
		}
	}
	return ending{}, true
}

// stillDown returns the run folders whose entrypoint has not taken its lock.
func stillDown(runDirs []string) []string {
	return slices.DeleteFunc(slices.Clone(runDirs), func(dir string) bool {
		_, err := os.Lstat(contract.LockPath(dir))
		return err == nil
	})
}
