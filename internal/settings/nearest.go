package settings

import "syncline.dev/syncline/internal/nearest"

// suggestion says which of the known names is nearest to an unknown one, and where the
// names stand when none is near.
func suggestion(unknown string, known []string) string {
	if best := nearest.Of(unknown, known); best != "" {
		return "; do you mean " + best + "?"
	}
	return "; docs/configuration.md lists all"
}
