package logs

import (
	"hash/maphash"
	"slices"
	"time"
)

// cursor knows which lines of one container were already passed on, so that a stream can be resumed without a lost or
// repeated line.
//
// The API resumes at a whole second, so it repeats lines; several lines may carry the same time stamp and the same
// text; and stdout and stderr are stamped apart, so stamps may step back a little. The cursor therefore remembers all
// lines that the resumed stream will repeat and skips each as often as it was seen.
type cursor struct {
	seen    []mark // lines not older than since, in the order of the log
	newest  int64
	untimed string // last text passed on that had no time stamp

	repeat  map[mark]int // in a resumed stream: lines still to be skipped
	left    int          // sum of repeat
	last    mark         // the last line passed on before
	matched bool         // a repeated line was found
	reached bool         // the last line passed on was found
}

// mark tells a line from others: its stamp in nanoseconds and a hash of its text.
type mark struct {
	at  int64
	sum uint64
}

var seed = maphash.MakeSeed()

// slack is how far stamps of stdout and stderr may step back against each other.
const slack = time.Second

// since is where to resume, or the zero time to read from the start.
func (c *cursor) since() time.Time {
	if len(c.seen) == 0 {
		return time.Time{}
	}
	return time.Unix(0, c.newest).Add(-slack).Truncate(time.Second)
}

// resume prepares for a stream that starts at since.
func (c *cursor) resume() {
	c.repeat = make(map[mark]int, len(c.seen))
	for _, m := range c.seen {
		c.repeat[m]++
	}
	c.left = len(c.seen)
	c.matched, c.reached = false, c.left == 0
	if c.left > 0 {
		c.last = c.seen[c.left-1]
	}
}

// caughtUp reports whether the resumed stream has shown every line that was known before: proof that the node served
// the log up to there.
func (c *cursor) caughtUp() bool { return c.left == 0 }

// pass reports whether e is new, and whether lines between the last one passed on and e may be lost, because the
// node rotated the log away while no stream was open.
func (c *cursor) pass(e entry) (fresh, gap bool) {
	if e.at.IsZero() {
		fresh = string(e.text) != c.untimed
		c.untimed = string(e.text)
		return fresh, false
	}
	m := mark{at: e.at.UnixNano(), sum: maphash.Bytes(seed, e.text)}
	if c.left > 0 {
		switch {
		case c.repeat[m] > 0:
			c.skip(m)
			return false, false
		case !c.matched && m.at <= c.newest:
			// The node filters the 16 KiB pieces of a long line one by one: what comes first can be the tail of
			// a line that began before the resumed second and was passed on whole.
			return false, false
		case m.at > c.newest:
			gap = !c.reached
			c.left = 0
		}
	}
	c.remember(m)
	return true, gap
}

func (c *cursor) skip(m mark) {
	c.repeat[m]--
	c.left--
	c.matched = true
	if m == c.last && c.repeat[m] == 0 {
		c.reached = true
	}
}

func (c *cursor) remember(m mark) {
	before := c.since()
	c.newest = max(c.newest, m.at)
	c.seen = append(c.seen, m)
	if floor := c.since(); floor.After(before) {
		c.seen = slices.DeleteFunc(c.seen, func(m mark) bool { return m.at < floor.UnixNano() })
	}
}
