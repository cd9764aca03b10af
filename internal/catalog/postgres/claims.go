package postgres

import (
	"fmt"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// heldWork finds the work of a claim, and keeps it from being taken.
const heldWork = `SELECT 1 FROM syncline.work WHERE id = $1 AND epoch = $2 AND state IN ('queued', 'running') FOR KEY SHARE`

// A hold is looked at when nobody adds work of its repository any more, whose row is
// locked, and nobody takes any, whose rows are. So it may end before the transaction does.
// The hold's row itself stays free, because it is renewed meanwhile.
const (
	lockHeld = `SELECT 1 FROM syncline.repositories WHERE seq = (SELECT repository_seq FROM syncline.work_holds WHERE id = $1) FOR NO KEY UPDATE`
	keepWork = `SELECT 1 FROM syncline.work WHERE repository_seq = (SELECT repository_seq FROM syncline.work_holds WHERE id = $1)
		AND state IN ('queued', 'running') FOR KEY SHARE`
	heldRepository = `SELECT 1 FROM syncline.work_holds WHERE id = $1 AND until > (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint`
)

// holding looks at a claim within a transaction. The last statement has a row where it
// holds.
func holding(claim catalog.Claim) []statement {
	if claim.Hold == "" {
		return []statement{{heldWork, []param{textParam(string(claim.Work)), int8Param(claim.Epoch)}}}
	}
	hold := func() []param { return []param{textParam(string(claim.Hold))} }
	return []statement{{lockHeld, hold()}, {keepWork, hold()}, {heldRepository, hold()}}
}

// erasing deletes the catalog of a repository where a claim holds, in a transaction that
// begins and ends with the statements. The last one has a row where it holds.
func erasing(repository syncline.ID, claim catalog.Claim) []statement {
	all := holding(claim)
	last := &all[len(all)-1]
	last.params = append(last.params, param{oidText, []byte(repository)})
	last.sql = fmt.Sprintf(`WITH held AS (%s),
	gone AS (DELETE FROM syncline.catalogs WHERE repository = $%d AND EXISTS (SELECT 1 FROM held) RETURNING generation),
	dropped AS (INSERT INTO syncline.catalog_dropped SELECT generation FROM gone)
	SELECT 1 FROM held`, last.sql, len(last.params))
	return all
}
