package series

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"syncline.dev/syncline"
)

// ruleFor returns the rule that a series follows: the most specific one of those that
// match, nil for none. Paths weigh more than a host without a wildcard, that more than a
// pattern, that more than a tag, that more than a repository. The
// one with the shorter age holds of two that are alike.
func ruleFor(rules []syncline.AlarmRule, s *syncline.Series) *syncline.AlarmRule {
	var best *syncline.AlarmRule
	for i := range rules {
		r := &rules[i]
		if r.Disabled || r.Kind != syncline.AlarmBackupLate || !matches(r, s) {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(weight(r), weight(best)), cmp.Compare(best.MaxAge, r.MaxAge)) > 0 {
			best = r
		}
	}
	return best
}

// CheckHostPattern fails for a text that is no pattern of a host's name.
func CheckHostPattern(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return syncline.WrapError(syncline.CodeInvalid, err, "hostPattern is no pattern: a [ lacks its ], or a \\ ends it; write it like web*")
	}
	return nil
}

// weight is higher for a rule that is more specific.
func weight(r *syncline.AlarmRule) (w int) {
	for i, given := range []bool{
		r.RepositoryID != "", r.Tag != "", r.HostPattern != "",
		r.HostPattern != "" && !strings.ContainsAny(r.HostPattern, `*?[\`), len(r.Paths) > 0,
	} {
		if given {
			w += 1 << i
		}
	}
	return w
}

func matches(r *syncline.AlarmRule, s *syncline.Series) bool {
	if r.RepositoryID != "" && r.RepositoryID != s.RepositoryID || r.Tag != "" && !slices.Contains(s.Tags, r.Tag) {
		return false
	}
	if r.HostPattern != "" {
		ok, err := path.Match(strings.ToLower(r.HostPattern), strings.ToLower(s.HostName))
		if !ok || err != nil {
			return false
		}
	}
	return len(r.Paths) == 0 || s.MorePaths == 0 && slices.Equal(slices.Sorted(slices.Values(r.Paths)), s.Paths)
}
