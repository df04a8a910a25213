package untrusted

import (
	"strings"
	"testing"
)

func TestIn(t *testing.T) {
	const title = "Fix \"it\"; touch x\nand more"
	for name, c := range map[string]struct {
		values []string
		in     string
		want   bool
	}{
		"the value":                         {[]string{title}, title, true},
		"a text that holds it":              {[]string{title}, "Title: " + title, true},
		"a part that a shell would act on":  {[]string{title}, `"it"; touch x`, true},
		"a part that it would not":          {[]string{title}, "and more", false},
		"another text":                      {[]string{title}, "$(rm x)", false},
		"what means nothing":                {[]string{title}, "v1.2-rc/3", false},
		"safe values are not kept":          {[]string{"main", "v1"}, "main; x", false},
		"none":                              {nil, title, false},
		"more than fits means everything":   {[]string{strings.Repeat("; ", maxSize)}, "$(rm x)", true},
		"and still not what means nothing":  {[]string{strings.Repeat("; ", maxSize)}, "main", false},
		"one of several":                    {[]string{"a b", "c;d", "c;d"}, "xc;dx", true},
		"the word that stands for all":      {[]string{"all;"}, "$(rm x)", false},
		"letters that are no ASCII are not": {[]string{"é"}, "é", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Of(map[string]string{Annotation: Encode(c.values)}).In(c.in); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// Who wrote the annotation in another way does not get out of it.
func TestAnAnnotationThatCannotBeReadMeansAll(t *testing.T) {
	for _, text := range []string{"all", "[", "x", `{"a":1}`, `[1]`} {
		if !Decode(text).In("a;b") {
			t.Errorf("%q trusts everything", text)
		}
	}
	if text := Encode([]string{"a", "b/c"}); text != "" || !Decode(text).None() {
		t.Errorf("safe values are kept: %q", text)
	}
}
