package suggest

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"build", "test", "deploy", "IMAGE"}
	for name, tc := range map[string]struct{ in, want string }{
		"swapped letters are one slip":     {"biuld", "build"},
		"a missing letter":                 {"buld", "build"},
		"case alone":                       {"image", "IMAGE"},
		"two slips in a long name":         {"deplyo1", "deploy"},
		"nothing near":                     {"release", ""},
		"a short name forgives one letter": {"tst", "test"},
		"a short name forgives no more":    {"xx", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Nearest(tc.in, known); got != tc.want {
				t.Errorf("Nearest(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func TestDidYouMean(t *testing.T) {
	if got, want := DidYouMean("biuld", []string{"build"}), `; did you mean "build"?`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := DidYouMean("x", nil); got != "" {
		t.Errorf("got %q for no known name", got)
	}
}
