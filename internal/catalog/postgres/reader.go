package postgres

import (
	"bytes"
	"strconv"

	"syncline.dev/syncline/internal/catalog"
)

// Near keeps copies of final values on the node. A value of a generation does not
// change once it is final, and no other generation has its number, so a copy is good
// while the database is the same. Each method does what it can: a copy that is not
// there is asked for.
type Near interface {
	// Get returns values, nil for each that is not there. The caller owns them.
	Get(generation int64, ids []int64) [][]byte
	// Run calls fn with the values whose ids follow one another from first on, and
	// returns the first id that is not there.
	Run(generation, first, last int64, fn func(id int64, value []byte) error) (next int64, err error)
	// Put keeps a value, which nobody changes.
	Put(generation, id int64, value []byte)
	// Bind says which database the values are of. The values of another one go.
	Bind(identity string)
}

// reader reads one generation.
type reader struct {
	s          *session
	generation int64
	head       catalog.Head
}

func (r *reader) Head() catalog.Head { return r.head }

func (r *reader) Get(kind catalog.Kind, no uint64) ([]byte, error) {
	values, err := r.GetMany(kind, no)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

func (r *reader) GetMany(kind catalog.Kind, nos ...uint64) ([][]byte, error) {
	values := make([][]byte, len(nos))
	if len(nos) == 0 {
		return values, r.s.usableNow()
	}
	ids := make([]int64, len(nos))
	for i, no := range nos {
		ids[i] = id(kind, no)
	}
	if near := r.near(); near != nil {
		values = near.Get(r.generation, ids)
	}
	var missing []int64
	for i := range ids {
		if ahead, ok := r.s.ahead.Load(ids[i]); ok && values[i] == nil {
			values[i] = bytes.Clone(ahead.([]byte))
		}
		if values[i] == nil {
			missing = append(missing, ids[i])
		}
	}
	if len(missing) == 0 {
		return values, r.s.usableNow()
	}
	err := r.ask(func(_ int, row [][]byte) error {
		id, value := readInt8(row[0]), bytes.Clone(row[2])
		r.keep(id, row[1], value)
		for i := range ids {
			if ids[i] == id {
				values[i] = bytes.Clone(value)
			}
		}
		return nil
	}, r.get(missing))
	if err != nil {
		return nil, err
	}
	return values, nil
}

// selectLatest has the two newest values of each kind: the last one is seldom full. The kinds are few.
const selectLatest = `SELECT v.id, v.final, v.data FROM generate_series(0, 15) AS kind CROSS JOIN LATERAL (
	SELECT id, final, data FROM syncline.catalog_values WHERE generation = $1 AND id BETWEEN kind::bigint << 40 AND ((kind + 1)::bigint << 40) - 1
	ORDER BY id DESC LIMIT 2) AS v`

// ask asks for values. The first question of a view to a catalog that this process has
// opened brings the newest values of each kind, too: the root of the newest snapshot is
// there, and what leads to it, so that a first page makes fewer trips.
func (r *reader) ask(row func(which int, values [][]byte) error, s statement) error {
	if r.s.update || r.s.c.asked.Swap(true) {
		return r.s.ask(row, s)
	}
	return r.s.ask(func(which int, values [][]byte) error {
		if which == 0 {
			return row(which, values)
		}
		value := bytes.Clone(values[2])
		r.s.ahead.Store(readInt8(values[0]), value)
		r.keep(readInt8(values[0]), values[1], value)
		return nil
	}, s, statement{selectLatest, []param{int8Param(r.generation)}})
}

// near returns the node's copies, nil where there are none. An update does without
// them, so that no copy becomes a part of what it writes.
func (r *reader) near() Near {
	c := r.s.c
	if r.s.update || c.since == 0 || c.changed() != nil {
		return nil
	}
	return c.near
}

// keep has the node keep a copy of a final value. The copy is not changed.
func (r *reader) keep(id int64, final, value []byte) {
	if near := r.near(); near != nil && len(final) == 1 && final[0] != 0 {
		near.Put(r.generation, id, value)
	}
}

func (s *session) usableNow() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usable()
}

func (r *reader) get(ids []int64) statement {
	if len(ids) == 1 {
		return statement{getValue, []param{int8Param(r.generation), int8Param(ids[0])}}
	}
	return statement{getValues, []param{int8Param(r.generation), int8sParam(ids)}}
}

// A scan asks for so many values at a time. Few suffice where the caller stops
// soon.
const firstPage, lastPage = 32, 512

func (r *reader) Scan(kind catalog.Kind, first uint64, fn func(no uint64, value []byte) error) error {
	from, last := id(kind, first), id(kind, catalog.MaxNumber)
	if near := r.near(); near != nil {
		next, err := near.Run(r.generation, from, last, func(id int64, value []byte) error { return fn(numberOf(id), value) })
		if err != nil {
			return err
		}
		from = next
	}
	for page := firstPage; ; page = min(2*page, lastPage) {
		n, err := r.scanPage(&from, last, page, fn)
		if err != nil || n < page || from > last {
			return err
		}
	}
}

// scanPage calls fn with at most limit values from from on, and moves from
// behind them. A connection that is lost is asked for the rest only.
func (r *reader) scanPage(from *int64, last int64, limit int, fn func(no uint64, value []byte) error) (n int, err error) {
	next := int8Param(*from)
	err = r.ask(func(_ int, row [][]byte) error {
		id := readInt8(row[0])
		n++
		*from = id + 1
		copy(next.value, int8Param(id+1).value)
		if r.near() != nil {
			r.keep(id, row[1], bytes.Clone(row[2]))
		}
		return fn(numberOf(id), row[2])
	}, statement{
		`SELECT id, final, data FROM syncline.catalog_values WHERE generation = $1 AND id BETWEEN $2 AND $3 ORDER BY id LIMIT ` + strconv.Itoa(limit),
		[]param{int8Param(r.generation), next, int8Param(last)},
	})
	return n, err
}
