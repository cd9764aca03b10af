package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

// nodeColumns are what a node says of itself, in the order of nodeValues.
const nodeColumns = `process, place, host_name, address, version, port, threads,
	sessions, restores, queued, cpu_permille, memory, started_at, stopped`

func nodeValues(n syncline.Node, s store.Sign) []any {
	return []any{
		s.Process, s.Place, n.HostName, n.Address, n.Version, n.Port, n.Threads,
		n.Load.Sessions, n.Load.Restores, n.Load.Queued, n.Load.CPUPermille, n.Load.Memory, nanos(n.StartedAt), n.Stopped,
	}
}

func (s *Store) selectNodes() string {
	return `SELECT id, host_name, address, version, port, threads, sessions, restores, queued, cpu_permille, memory,
		started_at, seen_at, ` + s.dialect.Now + ` - seen_at, stopped, maintenance FROM nodes`
}

func scanNode(r Row) (n syncline.Node, err error) {
	var silence int64
	err = r.Scan(&n.ID, &n.HostName, &n.Address, &n.Version, &n.Port, &n.Threads,
		&n.Load.Sessions, &n.Load.Restores, &n.Load.Queued, &n.Load.CPUPermille, &n.Load.Memory,
		instant{&n.StartedAt}, instant{&n.SeenAt}, &silence, &n.Stopped, &n.Maintenance)
	n.Silence = max(time.Duration(silence), 0) // a clock that is set back
	return n, err
}

// Nodes implements store.Nodes.
func (s *Store) Nodes(ctx context.Context) ([]syncline.Node, error) {
	return queryAll(ctx, s, "list nodes", scanNode, s.selectNodes()+` ORDER BY seq`)
}

// PutNode implements store.Nodes.
func (s *Store) PutNode(ctx context.Context, n syncline.Node, sign store.Sign) (kept syncline.Node, err error) {
	err = s.update(ctx, Write{Doing: "record a sign of life", Repeatable: true}, func(ctx context.Context, tx Tx) error {
		if err := s.putNode(ctx, tx, n, sign); err != nil {
			return err
		}
		kept, err = scanNode(tx.QueryRow(ctx, s.selectNodes()+` WHERE id = ?`, string(n.ID)))
		return err
	})
	return kept, err
}

func (s *Store) putNode(ctx context.Context, tx Tx, n syncline.Node, sign store.Sign) error {
	set := strings.ReplaceAll(nodeColumns, ",", " = ?,") + ` = ?`
	mine, args := `process = ?`, append(nodeValues(n, sign), string(n.ID), sign.Process)
	if sign.Begin {
		mine = `(process = ? OR stopped OR place = ? OR ` + s.dialect.Now + ` - seen_at >= ?)`
		args = append(args, sign.Place, int64(sign.Alive))
	}
	changed, err := tx.Exec(ctx, `UPDATE nodes SET `+set+`, seen_at = `+s.dialect.Now+` WHERE id = ? AND `+mine, args...)
	if err != nil || changed > 0 {
		return err
	}
	if err := s.exclude(ctx, tx, "nodes"); err != nil {
		return err
	}
	var known bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM nodes WHERE id = ?)`, string(n.ID)).Scan(&known); err != nil {
		return err
	}
	if known {
		return syncline.Errorf(syncline.CodeConflict, "another process gives the signs of life of this node")
	}
	places := strings.Repeat("?, ", strings.Count(nodeColumns, ",")+1)
	return exec(ctx, tx, syncline.Errorf(syncline.CodeConflict, "there are %d nodes already; remove those that are gone, with syncline nodes remove", store.MaxNodes),
		`INSERT INTO nodes (`+nodeColumns+`, id, seen_at) SELECT `+places+`?, `+s.dialect.Now+` WHERE (SELECT count(*) FROM nodes) < `+fmt.Sprint(store.MaxNodes),
		append(nodeValues(n, sign), string(n.ID))...)
}

// SetMaintenance implements store.Nodes.
func (s *Store) SetMaintenance(ctx context.Context, id syncline.ID, on bool) error {
	return s.update(ctx, Write{Doing: "switch the maintenance mode of a node", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, notFound("node", id), `UPDATE nodes SET maintenance = ? WHERE id = ?`, on, string(id))
	})
}

// namedAtMost bounds the repositories that a message names.
const namedAtMost = 3

// DeleteNode implements store.Nodes.
func (s *Store) DeleteNode(ctx context.Context, id syncline.ID, alive time.Duration) error {
	return s.update(ctx, Write{Doing: "forget a node", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		n, err := scanNode(tx.QueryRow(ctx, s.selectNodes()+` WHERE id = ?`, string(id)))
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("node", id)
		}
		if err != nil {
			return err
		}
		err = exec(ctx, tx, syncline.Errorf(syncline.CodeConflict,
			"the node %s runs; put it into maintenance mode, stop it, and remove it then", n.HostName),
			`DELETE FROM nodes WHERE id = ? AND (stopped OR `+s.dialect.Now+` - seen_at >= ?)`, string(id), int64(alive))
		if err != nil {
			return err
		}
		if err := refuseBound(ctx, tx, n); err != nil {
			return err
		}
		return s.failBound(ctx, tx, n)
	})
}

// failBound ends the work that only a node can run, which is forgotten.
func (s *Store) failBound(ctx context.Context, tx Tx, n syncline.Node) error {
	_, err := tx.Exec(ctx, `UPDATE work SET state = 'failed', error = ?, ended_at = `+s.dialect.Now+`, owner = '', epoch = epoch + 1
		WHERE node = ? AND `+unended,
		"the node "+n.HostName+", which alone could run it, was removed", string(n.ID))
	return err
}

// refuseBound fails while repositories are bound to a node.
func refuseBound(ctx context.Context, tx Tx, n syncline.Node) error {
	names, err := scanAll(ctx, tx, func(r Row) (name string, err error) { return name, r.Scan(&name) },
		`SELECT name FROM repositories WHERE node_id = ? ORDER BY seq LIMIT ?`, string(n.ID), namedAtMost+1)
	if err != nil || len(names) == 0 {
		return err
	}
	more := ""
	if len(names) > namedAtMost {
		names, more = names[:namedAtMost], " and more"
	}
	return syncline.Errorf(syncline.CodeConflict,
		"repositories are bound to the node %s: %s%s; give them another proxyId, or remove them first", n.HostName, strings.Join(names, ", "), more)
}
