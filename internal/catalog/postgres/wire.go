package postgres

import (
	"encoding/binary"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"syncline.dev/syncline/internal/catalog"
)

// PostgreSQL's numbers for types of parameters.
const (
	oidBytea      = 17
	oidInt8       = 20
	oidText       = 25
	oidByteaArray = 1001
	oidInt8Array  = 1016
	oidBoolArray  = 1000
	oidBool       = 16
)

// param is a parameter in the binary form of its type.
type param struct {
	oid   uint32
	value []byte
}

func int8Param(n int64) param {
	return param{oidInt8, binary.BigEndian.AppendUint64(nil, uint64(n))}
}

func bytesParam(b []byte) param {
	if b == nil {
		b = []byte{} // nil is NULL
	}
	return param{oidBytea, b}
}

// textParam leaves the type to the server, which reads the text as what it is
// compared with.
func textParam(s string) param { return param{0, []byte(s)} }

func int8sParam(list []int64) param {
	b := arrayHeader(make([]byte, 0, 20+12*len(list)), oidInt8, len(list))
	for _, n := range list {
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return param{oidInt8Array, b}
}

// arrayHeader begins an array of one dimension.
func arrayHeader(b []byte, element uint32, n int) []byte {
	if n == 0 {
		b = binary.BigEndian.AppendUint32(b, 0)
		b = binary.BigEndian.AppendUint32(b, 0)
		return binary.BigEndian.AppendUint32(b, element)
	}
	for _, v := range []uint32{1, 0, element, uint32(n), 1} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// valuesParams returns the arrays of ids, of marks of final values, and of values.
func valuesParams(list []put) []param {
	size := 20
	for i := range list {
		size += 4 + len(list[i].data)
	}
	ids := make([]int64, len(list))
	finals := arrayHeader(make([]byte, 0, 20+5*len(list)), oidBool, len(list))
	data := arrayHeader(make([]byte, 0, size), oidBytea, len(list))
	for i := range list {
		ids[i] = list[i].id
		finals = binary.BigEndian.AppendUint32(finals, 1)
		if list[i].final {
			finals = append(finals, 1)
		} else {
			finals = append(finals, 0)
		}
		data = binary.BigEndian.AppendUint32(data, uint32(len(list[i].data)))
		data = append(data, list[i].data...)
	}
	return []param{int8sParam(ids), {oidBoolArray, finals}, {oidByteaArray, data}}
}

const numberBits = 40

func id(kind catalog.Kind, no uint64) int64 { return int64(kind)<<numberBits | int64(no) }

func numberOf(id int64) uint64 { return uint64(id) & catalog.MaxNumber }

// statement is a statement with its parameters.
type statement struct {
	sql    string
	params []param
}

// add appends the statement to a batch. Its answer is in binary form. prepared is
// the statement as the connection knows it, nil if it does not.
func (s statement) add(batch *pgconn.Batch, prepared *pgconn.StatementDescription) {
	values := make([][]byte, len(s.params))
	oids := make([]uint32, len(s.params))
	formats := make([]int16, len(s.params))
	for i, p := range s.params {
		values[i], oids[i] = p.value, p.oid
		if p.oid != 0 {
			formats[i] = 1
		}
	}
	if prepared != nil {
		batch.ExecStatement(prepared, values, formats, []int16{1})
		return
	}
	batch.ExecParams(s.sql, values, oids, formats, []int16{1})
}

// readInt8 reads a bigint of an answer. NULL is 0.
func readInt8(b []byte) int64 {
	if len(b) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

func milliseconds(n int64) param { return param{oidText, []byte(strconv.FormatInt(n, 10))} }
