// Package nearest finds the known name that a mistyped one is meant to be.
package nearest

import "slices"

// Of returns the known name that is nearest to an unknown one, "" when none is near.
func Of(unknown string, known []string) string {
	best, least := "", max(2, len(unknown)/3)+1
	for _, name := range slices.Sorted(slices.Values(known)) {
		if d := distance(unknown, name, least); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is the number of characters to add, remove or replace to make b of a. A
// distance of most or more may be told as most.
func distance(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
