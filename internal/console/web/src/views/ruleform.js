// The form of an alarm rule.
import { html } from '../html.js';
import { post, put } from '../api.js';
import { FormDialog, Select, useForm } from '../forms.js';
import { useRepositories } from '../resources.js';
import { notify } from '../ui.js';

export const noRepository = '00000000-0000-0000-0000-000000000000'; // for the API: every one

/** @param {any} props */
export function RuleForm({ rule = undefined, initial = {}, onClose, reload }) {
  const from = rule ?? initial;
  const repositories = useRepositories();
  const { form, field, check, change } = useForm({
    name: from.name ?? '', repositoryId: from.repositoryId ?? '', hostPattern: from.hostPattern ?? '', paths: (from.paths ?? []).join('\n'),
    tag: from.tag ?? '', maxAge: from.maxAge ?? '26h', severity: from.severity ?? 'Warning', enabled: from.enabled ?? true,
  });
  const submit = async () => {
    const body = {
      name: form.name.trim(), repositoryId: form.repositoryId || noRepository, hostPattern: form.hostPattern.trim(),
      paths: form.paths.split('\n').map((p) => p.trim()).filter(Boolean), tag: form.tag.trim(), maxAge: form.maxAge.trim(), severity: form.severity, enabled: form.enabled,
    };
    if (rule) await put(`/v6/AlarmRules/${rule.id}`, body);
    else await post('/v6/AlarmRules', body);
    notify(rule ? 'Saved.' : 'The rule is added.');
    await reload();
  };
  const names = [['', 'Every repository'], ...(repositories.data ?? []).map((r) => [r.id, r.name])];
  return html`<${FormDialog} title=${rule ? `Edit ${rule.name}` : 'Add a rule'} action=${rule ? 'Save' : 'Add'} onSubmit=${submit} onClose=${onClose}>
    <label>Name<input ...${field('name')} required maxLength="255" /></label>
    <div class="two-fields"><label>At least every<input ...${field('maxAge')} required maxLength="32" placeholder="26h" spellCheck=${false} /><span class="quiet-text">such as 26h, 90m or 7d12h</span></label>
      <${Select} label="Severity" value=${form.severity} options=${[['Info', 'Info'], ['Warning', 'Warning'], ['Critical', 'Critical']]} onChange=${(severity) => change({ severity })} /></div>
    <${Select} label="Repository" value=${form.repositoryId} options=${names} onChange=${(repositoryId) => change({ repositoryId })} />
    <div class="two-fields"><label>Hosts<input ...${field('hostPattern')} maxLength="255" placeholder="all" spellCheck=${false} /><span class="quiet-text">web* for all that begin so</span></label>
      <label>Tag<input ...${field('tag')} maxLength="255" placeholder="any" spellCheck=${false} /></label></div>
    <label>Paths <span class="quiet-text">(exactly these, one a line; empty for all)</span><textarea ...${field('paths')} spellCheck=${false}></textarea></label>
    <label class="check"><input ...${check('enabled')} />In force</label>
  <//>`;
}
