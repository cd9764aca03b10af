package resticjson

// AppendChange appends restic diff's line for an entry that differs, without
// its end.
func AppendChange(b []byte, path, modifier string) []byte {
	b = AppendString(append(b, `{"message_type":"change","path":`...), path)
	return append(AppendString(append(b, `,"modifier":`...), modifier), '}')
}

// DiffStatistics is the last line of restic diff. Encode it with encoding/json.
type DiffStatistics struct {
	MessageType    string   `json:"message_type"` // statistics
	SourceSnapshot string   `json:"source_snapshot"`
	TargetSnapshot string   `json:"target_snapshot"`
	ChangedFiles   int      `json:"changed_files"`
	Added          DiffStat `json:"added"`
	Removed        DiffStat `json:"removed"`
}

// DiffStat counts the items that only one of two snapshots has. Bytes are those
// of the blobs.
type DiffStat struct {
	Files     int    `json:"files"`
	Dirs      int    `json:"dirs"`
	Others    int    `json:"others"`
	DataBlobs int    `json:"data_blobs"`
	TreeBlobs int    `json:"tree_blobs"`
	Bytes     uint64 `json:"bytes"`
}
