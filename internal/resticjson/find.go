package resticjson

import (
	"strconv"
	"time"

	"syncline.dev/syncline"
)

// AppendMatch appends restic find's object for an entry at path, one of its
// "matches". All versions of restic write the same.
func AppendMatch(b []byte, path string, e *syncline.Entry) []byte {
	b = append(b, '{')
	if path != "" {
		b = append(AppendString(append(b, `"path":`...), path), ',')
	}
	b = AppendString(append(b, `"permissions":`...), e.Mode.String())
	b = AppendString(append(b, `,"type":`...), string(e.Type))
	b = appendNumber(b, `,"mode":`, uint64(e.Mode))
	b = AppendTime(append(b, `,"mtime":`...), e.ModTime)
	b = AppendTime(append(b, `,"atime":`...), e.AccessTime)
	b = AppendTime(append(b, `,"ctime":`...), e.ChangeTime)
	b = strconv.AppendUint(append(b, `,"uid":`...), uint64(e.UID), 10)
	b = strconv.AppendUint(append(b, `,"gid":`...), uint64(e.GID), 10)
	b = appendText(b, `,"user":`, e.User)
	b = appendText(b, `,"group":`, e.Group)
	b = appendNumber(b, `,"inode":`, e.Inode)
	b = appendNumber(b, `,"device_id":`, e.DeviceID)
	b = appendNumber(b, `,"size":`, e.Size)
	b = appendNumber(b, `,"links":`, e.Links)
	b = appendText(b, `,"linktarget":`, e.LinkTarget)
	b = appendText(b, `,"error":`, e.Error)
	return append(b, '}')
}

// appendNumber and appendText leave out zero values.

func appendNumber(b []byte, key string, n uint64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendUint(append(b, key...), n, 10)
}

func appendText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return AppendString(append(b, key...), s)
}

// AppendObject appends restic find's object for a place of a blob or a tree.
// parentTree is "" for a tree.
func AppendObject(b []byte, kind, id, path, parentTree, snapshot string, at time.Time) []byte {
	b = AppendString(append(b, `{"object_type":`...), kind)
	b = AppendString(append(b, `,"id":`...), id)
	b = AppendString(append(b, `,"path":`...), path)
	b = appendText(b, `,"parent_tree":`, parentTree)
	b = AppendString(append(b, `,"snapshot":`...), snapshot)
	return append(AppendTime(append(b, `,"time":`...), at), '}')
}
