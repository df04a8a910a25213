package scrape

import "testing"

func TestSum(t *testing.T) {
	text := Text("# HELP a_total x\na_total{verb=\"GET\"} 2\na_total{verb=\"PUT\",c=\"a b\"} 3.5\na_total_created 9\na 7\n")
	for _, tc := range []struct {
		metric string
		labels []string
		want   float64
	}{
		{"a_total", nil, 5.5},
		{"a_total", []string{`verb="PUT"`}, 3.5},
		{"a_total", []string{`verb="PUT"`, `c="b"`}, 0},
		{"a", nil, 7},
	} {
		if got := text.Sum(tc.metric, tc.labels...); got != tc.want {
			t.Errorf("%s %v: %v, want %v", tc.metric, tc.labels, got, tc.want)
		}
	}
}
