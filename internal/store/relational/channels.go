package relational

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const selectChannel = `SELECT id, name, kind, enabled, minimum_severity, repository_ids, settings, subject, body, digest,
	length(coalesce(sealed, '')) > 0, created_at, last_sent_at, last_failed_at, last_error, digest_from FROM channels`

func scanChannel(r Row) (c syncline.Channel, err error) {
	err = r.Scan(&c.ID, &c.Name, &c.Kind, &c.Enabled, &c.MinimumSeverity, jsonText{&c.RepositoryIDs}, jsonText{&c.Settings},
		&c.Subject, &c.Body, jsonText{&c.Digest}, &c.HasSecret, instant{&c.CreatedAt}, instant{&c.LastSentAt}, instant{&c.LastFailedAt},
		&c.LastError, instant{&c.DigestFrom})
	return c, err
}

// jsonText scans what asJSON made.
type jsonText struct{ to any }

// Scan implements sql.Scanner.
func (j jsonText) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("a column that holds JSON is %T", v)
	}
	return json.Unmarshal([]byte(text), j.to)
}

func asJSON(v any) string {
	text, _ := json.Marshal(v) // the types that are kept can all be encoded
	return string(text)
}

// Channels implements store.Channels.
func (s *Store) Channels(ctx context.Context) ([]syncline.Channel, error) {
	return queryAll(ctx, s, "list channels", scanChannel, selectChannel+` ORDER BY seq`)
}

// Channel implements store.Channels.
func (s *Store) Channel(ctx context.Context, id syncline.ID) (syncline.Channel, error) {
	return queryOne(ctx, s, "read a channel", notFound("channel", id), scanChannel, selectChannel+` WHERE id = ?`, string(id))
}

// ChannelSecret implements store.Channels.
func (s *Store) ChannelSecret(ctx context.Context, id syncline.ID) ([]byte, error) {
	return queryOne(ctx, s, "read a sealed secret", notFound("channel", id), func(r Row) (sealed []byte, err error) {
		err = r.Scan(&sealed)
		return sealed, err
	}, `SELECT sealed FROM channels WHERE id = ?`, string(id))
}

// AddChannel implements store.Channels.
func (s *Store) AddChannel(ctx context.Context, c syncline.Channel, sealed []byte, most int) error {
	return s.update(ctx, Write{Doing: "add a channel", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		var there int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM channels`).Scan(&there); err != nil {
			return err
		}
		if there >= most {
			return syncline.Errorf(syncline.CodeConflict, "there are %d channels, and no more are taken; remove one first", there)
		}
		_, err := tx.Exec(ctx, `INSERT INTO channels (id, name, name_key, kind, enabled, minimum_severity, repository_ids,
			settings, subject, body, digest, sealed, created_at, digest_from) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			string(c.ID), c.Name, store.FoldName(c.Name), string(c.Kind), c.Enabled, string(c.MinimumSeverity), asJSON(c.RepositoryIDs),
			asJSON(c.Settings), c.Subject, c.Body, asJSON(c.Digest), sealed, nanos(c.CreatedAt), nanos(c.DigestFrom))
		return channelError(err, &c)
	})
}

func channelError(err error, c *syncline.Channel) error {
	if errors.Is(err, ErrTaken) {
		return syncline.WrapError(syncline.CodeConflict, err, "there is a channel with the name %q already; choose another name", c.Name)
	}
	return err
}

// UpdateChannel implements store.Channels.
func (s *Store) UpdateChannel(ctx context.Context, c syncline.Channel, sealed []byte) error {
	return s.update(ctx, Write{Doing: "change a channel", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		err := exec(ctx, tx, notFound("channel", c.ID), `UPDATE channels SET name = ?, name_key = ?, enabled = ?, minimum_severity = ?,
			repository_ids = ?, settings = ?, subject = ?, body = ?, digest = ?, digest_from = coalesce(?, digest_from) WHERE id = ?`,
			c.Name, store.FoldName(c.Name), c.Enabled, string(c.MinimumSeverity), asJSON(c.RepositoryIDs),
			asJSON(c.Settings), c.Subject, c.Body, asJSON(c.Digest), nanos(c.DigestFrom), string(c.ID))
		if err != nil || sealed == nil {
			return channelError(err, &c)
		}
		var secret any // NULL for none
		if len(sealed) > 0 {
			secret = sealed
		}
		_, err = tx.Exec(ctx, `UPDATE channels SET sealed = ? WHERE id = ?`, secret, string(c.ID))
		return err
	})
}

// DeleteChannel implements store.Channels.
func (s *Store) DeleteChannel(ctx context.Context, id syncline.ID) error {
	return s.update(ctx, Write{Doing: "delete a channel", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, notFound("channel", id), `DELETE FROM channels WHERE id = ?`, string(id))
	})
}

// SetChannelHealth implements store.Channels.
func (s *Store) SetChannelHealth(ctx context.Context, id syncline.ID, at time.Time, failure string) error {
	return s.update(ctx, Write{Doing: "record how a channel did", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		return setHealth(ctx, tx, id, at, failure)
	})
}

func setHealth(ctx context.Context, tx Tx, channel syncline.ID, at time.Time, failure string) error {
	field := "last_sent_at"
	if failure != "" {
		field = "last_failed_at"
	}
	return exec(ctx, tx, notFound("channel", channel),
		`UPDATE channels SET last_error = ?, `+field+` = ? WHERE id = ?`, failure, nanos(at), string(channel))
}

// content is the part of a delivery that never changes.
type content struct {
	Notices []syncline.Notice      `json:"notices,omitempty"`
	More    int                    `json:"more,omitempty"`
	Digest  *syncline.DigestReport `json:"digest,omitempty"`
}

const selectDelivery = `SELECT d.id, c.id, d.kind, d.content, d.created_at, d.state, d.attempts, d.next_at, d.ended_at, d.error
	FROM deliveries d JOIN channels c ON c.seq = d.channel_seq WHERE c.id = ?`

func scanDelivery(r Row) (d syncline.Delivery, err error) {
	var x content
	err = r.Scan(&d.ID, &d.ChannelID, &d.Kind, jsonText{&x}, instant{&d.CreatedAt}, &d.State, &d.Attempts,
		instant{&d.NextAt}, instant{&d.EndedAt}, &d.Error)
	d.Notices, d.More, d.Digest = x.Notices, x.More, x.Digest
	return d, err
}

// Hand implements store.Deliveries.
func (s *Store) Hand(ctx context.Context, events []int64, messages []syncline.Delivery) error {
	return s.update(ctx, Write{Doing: "hand notifications over", Area: AreaAlarms}, func(ctx context.Context, tx Tx) error {
		for part := range slices.Chunk(events, removeRows) {
			seqs := make([]any, len(part))
			for i := range part {
				seqs[i] = part[i]
			}
			n, err := tx.Exec(ctx, `DELETE FROM alarm_events WHERE seq IN (?`+strings.Repeat(`, ?`, len(part)-1)+`)`, seqs...)
			if err != nil {
				return err
			}
			if n != int64(len(part)) {
				return store.ErrHanded
			}
		}
		return s.addDeliveries(ctx, tx, messages...)
	})
}

func (s *Store) addDeliveries(ctx context.Context, tx Tx, messages ...syncline.Delivery) error {
	return tx.ExecEach(ctx, `INSERT INTO deliveries (id, channel_seq, kind, content, created_at, state, attempts, next_at, ended_at, error)
		SELECT ?, seq, ?, ?, ?, ?, ?, ?, ?, ? FROM channels WHERE id = ?`+s.dialect.KeepRow, len(messages), func(i int) []any {
		d := &messages[i]
		return []any{
			string(d.ID), string(d.Kind), asJSON(content{d.Notices, d.More, d.Digest}), nanos(d.CreatedAt), string(d.State), d.Attempts,
			nanos(d.NextAt), nanos(d.EndedAt), d.Error, string(d.ChannelID),
		}
	})
}

// HandDigest implements store.Deliveries.
func (s *Store) HandDigest(ctx context.Context, message syncline.Delivery, from, next time.Time) error {
	return s.update(ctx, Write{Doing: "hand a digest over"}, func(ctx context.Context, tx Tx) error {
		err := exec(ctx, tx, sql.ErrNoRows, `UPDATE channels SET digest_from = ? WHERE id = ? AND digest_from IS NOT DISTINCT FROM ?`,
			nanos(next), string(message.ChannelID), nanos(from))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.addDeliveries(ctx, tx, message)
	})
}

// DueDeliveries implements store.Deliveries.
func (s *Store) DueDeliveries(ctx context.Context, channel syncline.ID, now time.Time, limit int) ([]syncline.Delivery, error) {
	return queryAll(ctx, s, "list notifications to send", scanDelivery,
		selectDelivery+` AND d.state = 'Pending' AND (d.next_at <= ? OR d.next_at > ?) ORDER BY d.seq LIMIT ?`,
		string(channel), now.UnixNano(), now.Add(store.MaxWait).UnixNano(), limit)
}

// UpdateDelivery implements store.Deliveries.
func (s *Store) UpdateDelivery(ctx context.Context, d syncline.Delivery) error {
	return s.update(ctx, Write{Doing: "record a notification"}, func(ctx context.Context, tx Tx) error {
		err := exec(ctx, tx, notFound("delivery", d.ID), `UPDATE deliveries SET state = ?, attempts = ?, next_at = ?, ended_at = ?, error = ?
			WHERE id = ?`, string(d.State), d.Attempts, nanos(d.NextAt), nanos(d.EndedAt), d.Error, string(d.ID))
		if err != nil || d.EndedAt.IsZero() {
			return err
		}
		return setHealth(ctx, tx, d.ChannelID, d.EndedAt, d.Error)
	})
}

// Deliveries implements store.Deliveries.
func (s *Store) Deliveries(ctx context.Context, channel syncline.ID, limit, offset int) ([]syncline.Delivery, int, error) {
	total, err := queryOne(ctx, s, "count notifications", nil, scanNumber,
		`SELECT count(*) FROM deliveries WHERE channel_seq = (SELECT seq FROM channels WHERE id = ?)`, string(channel))
	if err != nil {
		return nil, 0, err
	}
	page, err := queryAll(ctx, s, "list notifications", scanDelivery,
		selectDelivery+` ORDER BY d.seq DESC LIMIT ? OFFSET ?`, string(channel), limit, offset)
	return page, int(total), err
}

// ThinDeliveries implements store.Deliveries.
func (s *Store) ThinDeliveries(ctx context.Context, keep int) (more bool, err error) {
	err = s.update(ctx, Write{Doing: "remove old notifications", Single: true, Repeatable: true}, func(ctx context.Context, tx Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries WHERE state <> 'Pending'
			AND seq NOT IN (SELECT seq FROM deliveries WHERE state <> 'Pending' ORDER BY seq DESC LIMIT ?) ORDER BY seq LIMIT ?)`, keep, removeRows)
		more = n == removeRows
		return err
	})
	return more && err == nil, err
}
