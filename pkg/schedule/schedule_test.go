package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/api/slipway/v1alpha1"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return when.UTC()
}

func clock(t *testing.T, cron, zone string) *Clock {
	t.Helper()
	c, err := Parse(cron, zone)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// In Berlin the clocks go from 2 to 3 on 29 March 2026 and from 3 to 2 on 25 October, both at
// 01:00 UTC; at Lord Howe by half an hour; in Apia 30 December 2011 never came.
func TestNext(t *testing.T) {
	for name, tc := range map[string]struct {
		cron, zone, after string
		want              string
	}{
		"UTC by default":                    {"30 2 * * *", "", "2026-03-29T02:30:00Z", "30T02:30 31T02:30"},
		"a zone":                            {"0 9 * * *", "America/New_York", "2026-01-01T00:00:00Z", "01T14:00 02T14:00"},
		"working days":                      {"0 9 * * 1-5", "", "2026-01-02T09:00:00Z", "05T09:00 06T09:00"},
		"Sunday is 0 and 7":                 {"0 0 * * 7", "", "2026-01-01T00:00:00Z", "04T00:00 11T00:00"},
		"a day of the month or of the week": {"0 0 13 * 5", "", "2026-01-01T00:00:00Z", "02T00:00 09T00:00 13T00:00 16T00:00"},
		"a macro":                           {"@daily", "Europe/Berlin", "2026-01-01T00:00:00Z", "01T23:00 02T23:00"},
		"a leap day":                        {"0 0 29 2 *", "", "2026-01-01T00:00:00Z", "29T00:00"},
		"a time that the clock jumps over":  {"30 2 * * *", "Europe/Berlin", "2026-03-28T01:30:00Z", "29T01:30 30T00:30"},
		"right after the jump":              {"30 2 * * *", "Europe/Berlin", "2026-03-29T01:10:00Z", "29T01:30 30T00:30"},
		"what comes before what was jumped": {"0,45 2,3 * * *", "Europe/Berlin", "2026-03-29T00:59:00Z", "29T01:00 29T01:45 30T00:00"},
		"a time that comes twice":           {"30 2 * * *", "Europe/Berlin", "2026-10-24T22:00:00Z", "25T00:30 26T01:30"},
		"between the two":                   {"30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "26T01:30"},
		"each hour, one of them left out":   {"0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", "29T00:00 29T01:00 29T02:00"},
		"each hour, one of them twice":      {"0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", "25T00:00 25T01:00 25T02:00"},
		"each half hour, two of them twice": {"*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", "25T00:00 25T00:30 25T01:00 25T01:30 25T02:00"},
		"a jump of half an hour":            {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "03T15:45 04T15:15"},
		"half an hour twice":                {"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", "04T14:45 05T15:15"},
		"a day that never came":             {"0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", "29T19:00 30T19:00"},
		"the hour after it comes twice":     {"0 3 * * *", "Europe/Berlin", "2026-10-24T22:00:00Z", "25T02:00 26T02:00"},
	} {
		t.Run(name, func(t *testing.T) {
			c := clock(t, tc.cron, tc.zone)
			var got []string
			for n, when := 0, at(t, tc.after); n < len(strings.Fields(tc.want)); n++ {
				next := c.Next(when)
				if !next.After(when) {
					t.Fatalf("%s is not after %s", next, when)
				}
				when = next
				got = append(got, when.Format("02T15:04"))
			}
			if got := strings.Join(got, " "); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestParseOfWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct{ cron, zone, want string }{
		"four fields":         {"0 2 * *", "", "cron: \"0 2 * *\" is not MINUTE HOUR DAY MONTH WEEKDAY"},
		"seconds":             {"0 0 2 * * *", "", "cron: \"0 0 2 * * *\" is not MINUTE"},
		"a minute of its own": {"61 2 * * *", "", "minute field: '61'"},
		"words":               {"at two in the morning", "", "cron: "},
		"a macro":             {"@reboot", "", "cron: "},
		"a step of nothing":   {"*/0 * * * *", "", "cron: "},
		"no such day":         {"0 0 31 2 *", "", "names no time that ever comes"},
		"no such zone":        {"@daily", "Europe/Atlantis", "timeZone: there is no zone \"Europe/Atlantis\""},
		"the node's zone":     {"@daily", "Local", "timeZone: there is no zone \"Local\""},
		"a file":              {"@daily", "../../etc/passwd", "timeZone: "},
		"nothing":             {"", "", "cron: "},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse(tc.cron, tc.zone); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestAt(t *testing.T) {
	minutes := func(n int) *metav1.Duration { return &metav1.Duration{Duration: time.Duration(n) * time.Minute} }
	for name, tc := range map[string]struct {
		cron       string
		deadline   *metav1.Duration
		since, now string
		tick, next string
	}{
		"not yet":                         {cron: "0 * * * *", since: "10:00:00", now: "10:59:59", next: "11:00:00"},
		"now":                             {cron: "0 * * * *", since: "10:00:00", now: "11:00:00", tick: "11:00:00", next: "12:00:00"},
		"it was done":                     {cron: "0 * * * *", since: "11:00:00", now: "11:00:00", next: "12:00:00"},
		"late":                            {cron: "0 * * * *", since: "10:00:00", now: "11:20:00", tick: "11:00:00", next: "12:00:00"},
		"the last of several":             {cron: "*/10 * * * *", since: "10:00:00", now: "11:25:00", tick: "11:20:00", next: "11:30:00"},
		"within the deadline":             {cron: "0 * * * *", deadline: minutes(20), since: "10:00:00", now: "11:20:00", tick: "11:00:00", next: "12:00:00"},
		"beyond the deadline":             {cron: "0 * * * *", deadline: minutes(20), since: "10:00:00", now: "11:20:01", next: "12:00:00"},
		"several beyond, one within":      {cron: "0 * * * *", deadline: minutes(20), since: "03:00:00", now: "11:05:00", tick: "11:00:00", next: "12:00:00"},
		"it is new":                       {cron: "0 * * * *", since: "11:20:00", now: "11:20:00", next: "12:00:00"},
		"the clock of the node went back": {cron: "0 * * * *", since: "11:00:00", now: "10:30:00", next: "11:00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			hour := func(text string) time.Time { return at(t, "2026-01-02T"+text+"Z") }
			s := &v1alpha1.Schedule{Name: "nightly", StartingDeadline: tc.deadline}
			due := At(s, clock(t, tc.cron, ""), "u", hour(tc.since), hour(tc.now))
			tick := ""
			if !due.Tick.IsZero() {
				tick = due.Tick.Format(time.TimeOnly)
			}
			if next := due.Next.Format(time.TimeOnly); tick != tc.tick || next != tc.next {
				t.Errorf("%q and %s, want %q and %s", tick, next, tc.tick, tc.next)
			}
		})
	}
}

// The jitter is one of the schedule, not of the moment: it is the same after a restart, and
// spreads what begins together.
func TestJitter(t *testing.T) {
	c := clock(t, "0 * * * *", "")
	delays := map[time.Duration]bool{}
	for n := range 100 {
		s := &v1alpha1.Schedule{Name: "nightly", Jitter: &metav1.Duration{Duration: 10 * time.Minute}}
		owner := fmt.Sprint("u", n)
		delay := Delay(s, owner)
		if delay < 0 || delay > 10*time.Minute || delay != Delay(s, owner) || delay%time.Second != 0 {
			t.Fatalf("it is late by %s", delay)
		}
		delays[delay] = true
		since, eleven := at(t, "2026-01-02T10:00:00Z"), at(t, "2026-01-02T11:00:00Z")
		before := At(s, c, owner, since, eleven.Add(delay-time.Second))
		if !before.Tick.IsZero() || !before.Next.Equal(eleven.Add(delay)) {
			t.Errorf("%s too early: %+v", delay, before)
		}
		// What was done of the hour is the time without the jitter.
		if now := At(s, c, owner, since, eleven.Add(delay)); !now.Tick.Equal(eleven) || !now.Next.Equal(eleven.Add(time.Hour+delay)) {
			t.Errorf("after %s: %+v", delay, now)
		}
		if again := At(s, c, owner, eleven, eleven.Add(delay)); !again.Tick.IsZero() {
			t.Errorf("a second time: %+v", again)
		}
	}
	if len(delays) < 50 {
		t.Errorf("100 schedules are late by %d different times", len(delays))
	}
	if one, other := Delay(&v1alpha1.Schedule{Name: "a", Jitter: &metav1.Duration{Duration: time.Hour}}, "u"), Delay(&v1alpha1.Schedule{Name: "b", Jitter: &metav1.Duration{Duration: time.Hour}}, "u"); one == other {
		t.Errorf("two schedules of a repository are late by %s", one)
	}
	if none := Delay(&v1alpha1.Schedule{Name: "a"}, "u"); none != 0 {
		t.Errorf("without a jitter it is late by %s", none)
	}
}

// A schedule that was away for years costs no more than one that was not.
func TestLastOfYears(t *testing.T) {
	now := at(t, "2026-06-01T12:34:56Z")
	for cron, want := range map[string]string{"* * * * *": "2026-06-01T12:34:00Z", "* 3 * * *": "2026-06-01T03:59:00Z", "0 0 1 1 *": "2026-01-01T00:00:00Z",
		"0 0 29 2 *": "2024-02-29T00:00:00Z"} {
		if got := clock(t, cron, "").Last(now.Add(-20*year), now).Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", cron, got, want)
		}
	}
	if got := clock(t, "0 0 29 2 *", "").Last(at(t, "2024-03-01T00:00:00Z"), now); !got.IsZero() {
		t.Errorf("a time that was done: %s", got)
	}
}
