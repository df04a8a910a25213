package forge

import (
	"maps"
	"slices"
)

// Sum gathers what commits change, the oldest first.
type Sum struct {
	files map[string]string
}

// Add takes one file, in the words of GitHub: added, removed, renamed, and others for
// what is modified; deleted is what some say for removed.
func (s *Sum) Add(path, status string) {
	if s.files == nil {
		s.files = map[string]string{}
	}
	switch status {
	case "removed", "deleted":
		if s.files[path] == "added" {
			delete(s.files, path)
			return
		}
		status = "deleted"
	case "added", "copied":
		if s.files[path] == "deleted" {
			status = "modified"
		} else {
			status = "added"
		}
	case "renamed":
	case "unchanged":
		return
	default:
		if old := s.files[path]; old == "added" || old == "renamed" {
			return
		}
		status = "modified"
	}
	s.files[path] = status
}

// Changes is what came of all.
func (s *Sum) Changes() Changes {
	var c Changes
	for _, path := range slices.Sorted(maps.Keys(s.files)) {
		switch s.files[path] {
		case "added":
			c.Added = append(c.Added, path)
		case "deleted":
			c.Deleted = append(c.Deleted, path)
		case "renamed":
			c.Renamed = append(c.Renamed, path)
		default:
			c.Modified = append(c.Modified, path)
		}
	}
	return c
}
