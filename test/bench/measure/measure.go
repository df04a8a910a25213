// Package measure takes samples of loads side by side and makes figures of them.
package measure

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/test/bench/lab"
)

// Case is one piece of work, done in ways that are compared.
type Case struct {
	Name string
	Ways []Way
	// Samples of each way; 0 means that the caller decides.
	Samples int
}

// Way does the work of a case. The first of a case is what the others are compared with.
type Way struct {
	Name string
	Load lab.Load
}

// Figure is how long a way took to a mark.
type Figure struct {
	Case string   `json:"case"`
	Way  string   `json:"way"`
	Mark lab.Mark `json:"mark"`
	N    int      `json:"n"`
	// In seconds from the first request.
	Median float64 `json:"medianSeconds"`
	Min    float64 `json:"minSeconds"`
	Max    float64 `json:"maxSeconds"`
	// ToPhase and ToEnded are Median over the median of the first way to its Pods' change
	// of phase, and to their containers' end as the API showed it.
	ToPhase float64 `json:"ratioToBarePhase"`
	ToEnded float64 `json:"ratioToBareEnded"`
}

// jitter keeps samples from falling into step with the kubelet, which looks at its
// containers once a second.
const jitter = time.Second

// deadline is for one sample.
const deadline = 10 * time.Minute

// Run takes n samples of each way, in turn, and tells progress.
func Run(ctx context.Context, l *lab.Lab, c Case, n int, progress func(string)) ([]Figure, error) {
	if c.Samples > 0 {
		n = c.Samples
	}
	samples := make([][]lab.Sample, len(c.Ways))
	for round := range n {
		for i, way := range c.Ways {
			progress(fmt.Sprintf("%s: %d of %d, %s", c.Name, round+1, n, way.Name))
			time.Sleep(rand.N(jitter)) //nolint:gosec // no secret hangs on it
			s, err := one(ctx, l, way.Load, fmt.Sprintf("%s-%d-%d", slug(c.Name), round, i))
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", c.Name, way.Name, err)
			}
			samples[i] = append(samples[i], s)
		}
	}
	return figures(c, samples), nil
}

func one(ctx context.Context, l *lab.Lab, load lab.Load, id string) (lab.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	s, err := load(ctx, l, id)
	if err != nil {
		return nil, err
	}
	return s, l.Clear(ctx)
}

// slug makes of a name what an object's may have.
func slug(name string) string {
	out := []byte(name)
	for i, b := range out {
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') {
			out[i] = '-'
		}
	}
	return string(out)
}

func figures(c Case, samples [][]lab.Sample) []Figure {
	var out []Figure
	phase, ended := median(at(samples[0], lab.Phase)), median(at(samples[0], lab.Ended))
	for i, way := range c.Ways {
		for _, mark := range []lab.Mark{lab.Started, lab.Ended, lab.Phase, lab.Done} {
			seconds := at(samples[i], mark)
			if len(seconds) == 0 {
				continue
			}
			m := median(seconds)
			out = append(out, Figure{Case: c.Name, Way: way.Name, Mark: mark, N: len(seconds), Median: m,
				Min: slices.Min(seconds), Max: slices.Max(seconds), ToPhase: m / phase, ToEnded: m / ended})
		}
	}
	return out
}

func at(samples []lab.Sample, mark lab.Mark) []float64 {
	var out []float64
	for _, s := range samples {
		if d, ok := s[mark]; ok {
			out = append(out, d.Seconds())
		}
	}
	return out
}

// median is that of the two in the middle where there are two.
func median(seconds []float64) float64 {
	s := slices.Sorted(slices.Values(seconds))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
