// Package schedule says when a schedule of a Repository is due. It has no clock.
package schedule

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
	_ "time/tzdata" // zones are the same on every node, and there in an image without any

	"github.com/hashicorp/cronexpr"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

// macros are what stands for five fields.
var macros = map[string]string{"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *"}

const (
	fields = 5
	hour   = 1
	// jump is more than any clock is put forward or back at once.
	jump = 3 * time.Hour
	year = 366 * 24 * time.Hour
)

// Clock says the times of a cron expression in a time zone.
//
// An expression whose hour is * goes by what passes: it has a time for each that a clock
// shows, twice where the clock is put back. Any other is a time of day, which each day has
// once: where the clock is put back it is the first of the two, and where it is put forward
// over the time it is the moment that it would have been, so that 2:30 is 3:30.
type Clock struct {
	expression *cronexpr.Expression
	zone       *time.Location
	passing    bool
}

// Parse reads an expression of five fields or a macro, and a name of the IANA database; UTC if
// it is empty. The error says which of the two is wrong: cron or timeZone.
func Parse(cron, timeZone string) (*Clock, error) {
	zone, err := time.LoadLocation(timeZone)
	if err != nil || timeZone == "Local" {
		return nil, fmt.Errorf("timeZone: there is no zone %q; name one of the IANA database, such as Europe/Berlin", timeZone)
	}
	if five, ok := macros[cron]; ok {
		cron = five
	}
	parts := strings.Fields(cron)
	if len(parts) != fields {
		return nil, fmt.Errorf("cron: %q is not MINUTE HOUR DAY MONTH WEEKDAY, such as 30 2 * * 1-5, or @daily", cron)
	}
	expression, err := cronexpr.Parse(cron)
	if err != nil {
		return nil, fmt.Errorf("cron: %q: %w; write MINUTE HOUR DAY MONTH WEEKDAY, such as 30 2 * * 1-5", cron, err)
	}
	c := &Clock{expression: expression, zone: zone, passing: parts[hour] == "*"}
	if c.Next(time.Unix(0, 0)).IsZero() {
		return nil, fmt.Errorf("cron: %q names no time that ever comes", cron)
	}
	return c, nil
}

// Next is the first time after another; zero if none comes.
func (c *Clock) Next(after time.Time) time.Time {
	if c.passing {
		return c.expression.Next(after.In(c.zone)).UTC()
	}
	// The expression is asked for what a clock shows, as if it was never put forward or back.
	shown := wall(after.In(c.zone)).Add(-jump)
	var first time.Time
	for {
		if shown = c.expression.Next(shown); shown.IsZero() {
			return first
		}
		at := c.moment(shown)
		if !first.IsZero() && shown.Sub(wall(first.In(c.zone))) > jump {
			return first
		}
		// What the clock jumps over may come after what it shows next.
		if at.After(after) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
}

// wall is what a clock shows, as a time in UTC.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// moment is when a clock of the zone first shows a time, or would.
func (c *Clock) moment(shown time.Time) time.Time {
	_, before := shown.Add(-24 * time.Hour).In(c.zone).Zone()
	_, after := shown.Add(24 * time.Hour).In(c.zone).Zone()
	early := shown.Add(-time.Duration(before) * time.Second)
	late := shown.Add(-time.Duration(after) * time.Second)
	if !wall(early.In(c.zone)).Equal(shown) && wall(late.In(c.zone)).Equal(shown) {
		return late
	}
	return early
}

// Last is the last time in (after, until]; zero if there is none.
func (c *Clock) Last(after, until time.Time) time.Time {
	// The shorter the stretch that has one, the fewer are in it.
	for back := time.Minute; ; back *= 2 {
		from := until.Add(-back)
		whole := !from.After(after) || back > 16*year // a leap day comes within 8
		if from.Before(after) {
			from = after
		}
		var last time.Time
		for t := c.Next(from); !t.IsZero() && !t.After(until); t = c.Next(t) {
			last = t
		}
		if whole || !last.IsZero() {
			return last
		}
	}
}

// Due is what a schedule has to do at a time.
type Due struct {
	// Tick is the time that is to become an event now; zero if none is.
	Tick time.Time
	// Next is when there is something to do again, with the jitter; zero if never.
	Next time.Time
}

// At says what is due now of a schedule. None before since, and no other than the last one, is
// made up for; nor one that is over for longer than the starting deadline. Owner is the
// repository: by it and the schedule's name the jitter is drawn.
func At(s *v1alpha1.Schedule, c *Clock, owner string, since, now time.Time) Due {
	delay := Delay(s, owner)
	until := now.Add(-delay)
	due := Due{Next: c.Next(until)}
	if !due.Next.IsZero() {
		due.Next = due.Next.Add(delay)
	}
	if d := s.StartingDeadline; d != nil {
		if oldest := until.Add(-d.Duration - time.Nanosecond); since.Before(oldest) {
			since = oldest
		}
	}
	if since.Before(until) {
		due.Tick = c.Last(since, until)
	}
	return due
}

// Delay is the part of the jitter by which a schedule is late, in whole seconds.
func Delay(s *v1alpha1.Schedule, owner string) time.Duration {
	if s.Jitter == nil || s.Jitter.Duration < time.Second {
		return 0
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(owner + "/" + s.Name)) // it has no error
	return time.Duration(sum.Sum64()%uint64(s.Jitter.Duration/time.Second+1)) * time.Second
}
