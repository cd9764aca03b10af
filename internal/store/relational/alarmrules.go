package relational

import (
	"context"
	"errors"

	"syncline.dev/syncline"
	"syncline.dev/syncline/internal/store"
)

const selectAlarmRule = `SELECT a.id, a.name, a.kind, coalesce(r.id, ''), a.host_pattern, a.paths, a.tag, a.max_age, a.severity, a.disabled, a.created_at, a.managed_by
	FROM alarm_rules a LEFT JOIN repositories r ON r.seq = a.repository_seq`

func scanAlarmRule(r Row) (v syncline.AlarmRule, err error) {
	err = r.Scan(&v.ID, &v.Name, &v.Kind, &v.RepositoryID, &v.HostPattern, textList{&v.Paths}, &v.Tag, &v.MaxAge, &v.Severity, &v.Disabled, instant{&v.CreatedAt}, &v.ManagedBy)
	return v, err
}

// AlarmRules implements store.AlarmRules.
func (s *Store) AlarmRules(ctx context.Context) ([]syncline.AlarmRule, error) {
	return queryAll(ctx, s, "list the rules of alarms", scanAlarmRule, selectAlarmRule+` ORDER BY a.seq`)
}

// AlarmRule implements store.AlarmRules.
func (s *Store) AlarmRule(ctx context.Context, id syncline.ID) (syncline.AlarmRule, error) {
	return queryOne(ctx, s, "read a rule of alarms", notFound("alarm rule", id), scanAlarmRule, selectAlarmRule+` WHERE a.id = ?`, string(id))
}

// ruleRepository finds the repository of a rule, NULL for none.
func ruleRepository(ctx context.Context, tx Tx, id syncline.ID) (any, error) {
	if id == "" {
		return nil, nil
	}
	seqs, err := scanAll(ctx, tx, scanNumber, `SELECT seq FROM repositories WHERE id = ?`, string(id))
	if err != nil {
		return nil, err
	}
	if len(seqs) == 0 {
		return nil, syncline.Errorf(syncline.CodeInvalid, "there is no repository %q that the rule could be for", id)
	}
	return seqs[0], nil
}

// AddAlarmRule implements store.AlarmRules.
func (s *Store) AddAlarmRule(ctx context.Context, r syncline.AlarmRule) error {
	return s.update(ctx, Write{Doing: "add a rule of alarms", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		repository, err := ruleRepository(ctx, tx, r.RepositoryID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO alarm_rules (id, name, name_key, kind, repository_seq, host_pattern, paths, tag, max_age, severity, disabled, created_at, managed_by)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(r.ID), r.Name, store.FoldName(r.Name), string(r.Kind), repository,
			r.HostPattern, textsJSON(r.Paths), r.Tag, int64(r.MaxAge), string(r.Severity), r.Disabled, nanos(r.CreatedAt), r.ManagedBy)
		return ruleError(err, r)
	})
}

// UpdateAlarmRule implements store.AlarmRules.
func (s *Store) UpdateAlarmRule(ctx context.Context, r syncline.AlarmRule) error {
	return s.update(ctx, Write{Doing: "change a rule of alarms", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		repository, err := ruleRepository(ctx, tx, r.RepositoryID)
		if err != nil {
			return err
		}
		if err := keepsManager(ctx, tx, "alarm_rules", "id", string(r.ID), r.ManagedBy); err != nil {
			return err
		}
		err = exec(ctx, tx, notFound("alarm rule", r.ID), `UPDATE alarm_rules SET name = ?, name_key = ?, repository_seq = ?, host_pattern = ?,
			paths = ?, tag = ?, max_age = ?, severity = ?, disabled = ?, managed_by = ? WHERE id = ?`, r.Name, store.FoldName(r.Name), repository,
			r.HostPattern, textsJSON(r.Paths), r.Tag, int64(r.MaxAge), string(r.Severity), r.Disabled, r.ManagedBy, string(r.ID))
		return ruleError(err, r)
	})
}

func ruleError(err error, r syncline.AlarmRule) error {
	if errors.Is(err, ErrTaken) {
		return syncline.WrapError(syncline.CodeConflict, err, "there is an alarm rule with the name %q already; choose another name", r.Name)
	}
	return err
}

// DeleteAlarmRule implements store.AlarmRules.
func (s *Store) DeleteAlarmRule(ctx context.Context, id syncline.ID) error {
	return s.update(ctx, Write{Doing: "delete a rule of alarms", Area: AreaConfiguration}, func(ctx context.Context, tx Tx) error {
		return exec(ctx, tx, notFound("alarm rule", id), `DELETE FROM alarm_rules WHERE id = ?`, string(id))
	})
}
