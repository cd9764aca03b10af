package postgres

import (
	"bytes"
	"context"
	"slices"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/catalog"
)

// writer collects writes and sends many in one request. Deletions that wait are
// sent before the values that wait: a deletion takes the values of its range out
// of those that wait, so all values that wait came later.
type writer struct {
	reader
	puts    map[int64]put
	bytes   int // of puts
	deletes []idRange

	before  catalog.Head // the head that the update continues
	dropped int64        // the generation that Renew leaves, 0 for none
	grown   int64        // bytes that were sent and are not in the catalog's row
	wrote   bool
}

type put struct {
	id    int64
	final bool
	data  []byte
}

type idRange struct{ first, last int64 }

// sendBytes is the number of bytes that wait at most.
const sendBytes = 1 << 20

func newWriter(s *session) *writer {
	return &writer{reader: reader{s: s, generation: s.generation, head: s.head}, puts: make(map[int64]put), before: s.head}
}

func (w *writer) SetHead(head catalog.Head) error {
	w.head = head
	return w.s.usableNow()
}

func (w *writer) Put(kind catalog.Kind, no uint64, value []byte) error {
	return w.put(put{id(kind, no), false, bytes.Clone(value)})
}

func (w *writer) PutFinal(kind catalog.Kind, no uint64, value []byte) error {
	return w.put(put{id(kind, no), true, bytes.Clone(value)})
}

func (w *writer) put(p put) error {
	w.wrote = true
	w.bytes += len(p.data) - len(w.puts[p.id].data)
	w.puts[p.id] = p
	if w.bytes >= sendBytes {
		return w.send()
	}
	return w.s.usableNow()
}

func (w *writer) Delete(kind catalog.Kind, first, last uint64) error {
	w.wrote = true
	r := idRange{id(kind, first), id(kind, last)}
	for id, p := range w.puts {
		if r.first <= id && id <= r.last {
			w.bytes -= len(p.data)
			delete(w.puts, id)
		}
	}
	w.deletes = append(w.deletes, r)
	return w.s.usableNow()
}

func (w *writer) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	if p, ok := w.puts[id(kind, no)]; ok {
		return append([]byte{}, p.data...), w.s.usableNow()
	}
	if err := w.sendDeletes(); err != nil {
		return nil, err
	}
	return w.reader.Get(kind, no)
}

func (w *writer) GetMany(kind catalog.Kind, nos ...uint64) ([][]byte, error) {
	if err := w.send(); err != nil {
		return nil, err
	}
	return w.reader.GetMany(kind, nos...)
}

func (w *writer) Scan(kind catalog.Kind, first uint64, fn func(no uint64, value []byte) error) error {
	if err := w.send(); err != nil {
		return err
	}
	return w.reader.Scan(kind, first, fn)
}

// sendDeletes sends all that waits if a deletion does.
func (w *writer) sendDeletes() error {
	if len(w.deletes) == 0 {
		return nil
	}
	return w.send()
}

const deleteValues = `WITH gone AS (
	DELETE FROM syncline.catalog_values WHERE generation = $1 AND id BETWEEN $2 AND $3 RETURNING octet_length(data) AS n)
SELECT -coalesce(sum(n), 0)::bigint FROM gone`

// putValues answers the length of the values that it replaces, with a minus.
const putValues = `WITH old AS (
	SELECT coalesce(sum(octet_length(data)), 0)::bigint AS n FROM syncline.catalog_values WHERE generation = $1 AND id = ANY ($2)),
put AS (
	INSERT INTO syncline.catalog_values (generation, id, final, data)
	SELECT $1, * FROM unnest($2, $3, $4)
	ON CONFLICT (generation, id) DO UPDATE SET final = excluded.final, data = excluded.data)
`

// The ends of putValues.
const (
	putOnly = `SELECT -n FROM old`
	putHead = `UPDATE syncline.catalogs SET generation = $1, head = $5, bytes = greatest(0, $6 - (SELECT n FROM old)
		+ CASE generation WHEN $1 THEN bytes ELSE 0 END) WHERE no = $7`
)

func (w *writer) deleteStatements() (list []statement) {
	for _, r := range w.deletes {
		list = append(list, statement{deleteValues, []param{int8Param(w.generation), int8Param(r.first), int8Param(r.last)}})
	}
	return list
}

// waiting returns the values that wait, in order, and the sum of their lengths.
func (w *writer) waiting() (list []put, bytes int64) {
	for _, p := range w.puts {
		list = append(list, p)
		bytes += int64(len(p.data))
	}
	slices.SortFunc(list, func(a, b put) int { return int(a.id - b.id) })
	return list, bytes
}

// send sends all that waits.
func (w *writer) send() error {
	statements := w.deleteStatements()
	list, bytes := w.waiting()
	if len(list) > 0 {
		statements = append(statements, statement{putValues + putOnly, append([]param{int8Param(w.generation)}, valuesParams(list)...)})
	}
	if len(statements) == 0 {
		return w.s.usableNow()
	}
	w.sent()
	w.grown += bytes
	return w.s.ask(w.count, statements...)
}

func (w *writer) sent() {
	clear(w.puts)
	w.bytes, w.deletes = 0, nil
}

func (w *writer) count(_ int, row [][]byte) error {
	w.grown += readInt8(row[0])
	return nil
}

// commit ends the update with the rest of the values, the head, and the end of
// the transaction in one request.
func (w *writer) commit() error {
	if !w.wrote && w.head == w.before {
		return w.s.usableNow()
	}
	if err := w.sendDeletes(); err != nil {
		return err
	}
	list, bytes := w.waiting()
	w.sent()
	statements := []statement{{
		putValues + putHead,
		slices.Concat([]param{int8Param(w.generation)}, valuesParams(list),
			[]param{bytesParam([]byte(w.head)), int8Param(w.grown + bytes), int8Param(w.s.c.no)}),
	}}
	if w.dropped != 0 {
		statements = append(statements, statement{`INSERT INTO syncline.catalog_dropped VALUES ($1)`, []param{int8Param(w.dropped)}})
	}
	return w.s.commit(append(statements, statement{sql: "COMMIT"}), w.before, w.head)
}

// commitTime bounds the last request of an update, and the question how it ended.
const commitTime = time.Minute

// commit sends the last statements of an update. The end of ctx does not stop
// them half-way, because the outcome would be unknown.
func (s *session) commit(statements []statement, before, after catalog.Head) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), commitTime)
	defer cancel()
	_, err := s.c.exchange(ctx, s.conn, statements, nil)
	s.used = time.Now()
	if err == nil {
		return nil
	}
	if s.conn.Conn().PgConn().IsClosed() && after != before {
		s.conn.Release() // many may ask at once, and each needs the place of its lost connection
		s.conn = nil
		return s.outcome(ctx, before, after)
	}
	return translate(ctx, err)
}

// outcome reads how a commit ended whose answer was lost. The lock waits for the
// end of the lost transaction.
func (s *session) outcome(ctx context.Context, before, after catalog.Head) error {
	var head catalog.Head
	found := false
	err := s.c.ask(ctx, func(_ int, row [][]byte) error {
		head, found = catalog.Head(row[0]), true
		return nil
	}, statement{`SELECT head FROM syncline.catalogs WHERE no = $1 FOR NO KEY UPDATE`, []param{int8Param(s.c.no)}})
	if err != nil {
		return syncline.WrapError(syncline.CodeUnavailable, err, "the connection to the database was lost at the end of a write, and whether it was made is not known; synchronize again")
	}
	switch {
	case !found:
		return gone()
	case head == after:
		return nil
	case head == before:
		return syncline.Errorf(syncline.CodeUnavailable, "the connection to the database was lost at the end of a write, which was not made; try again")
	}
	return catalog.Conflict()
}
