// Package owners reads OWNERS files, as https://www.kubernetes.dev/docs/guide/owners documents
// those at the root of a repository.
package owners

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// The files, at the root of a repository.
const (
	File        = "OWNERS"
	AliasesFile = "OWNERS_ALIASES"
)

// people are those that a file, or a part of it, names.
type people struct {
	Approvers []string `json:"approvers"`
	Reviewers []string `json:"reviewers"`
}

// Read returns the users and aliases that may approve or review all of a repository. Filters of
// parts of it give no right to the whole, but for the one that is ".*".
func Read(text []byte) ([]string, error) {
	var file struct {
		people  `json:",inline"`
		Filters map[string]people `json:"filters"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", File, err)
	}
	all := file.Filters[".*"]
	return slices.Concat(file.Approvers, file.Reviewers, all.Approvers, all.Reviewers), nil
}

// Aliases returns the users of each alias, by its name.
func Aliases(text []byte) (map[string][]string, error) {
	var file struct {
		Aliases map[string][]string `json:"aliases"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", AliasesFile, err)
	}
	return file.Aliases, nil
}

// Has says whether a user is among names, in whatever case of letters.
func Has(names []string, user string) bool {
	return user != "" && slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, user) })
}

// Expand puts the users of aliases in their place. An alias of an alias stands for nobody.
func Expand(names []string, aliases map[string][]string) []string {
	var users []string
	for _, name := range names {
		if of, ok := aliases[name]; ok {
			users = append(users, of...)
		} else {
			users = append(users, name)
		}
	}
	return users
}
