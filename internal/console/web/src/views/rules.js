// The alarm rules: how old the newest backups of some machines may become.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { put, remove } from '../api.js';
import { badgeFor } from '../alarms.js';
import { useGet } from '../data.js';
import { Managed } from '../forms.js';
import { visible } from '../format.js';
import { useRepositories } from '../resources.js';
import { Button, Confirm, Empty, Loading, Name, Problem } from '../ui.js';
import { RuleForm } from './ruleform.js';

export function Rules() {
  const rules = useGet('/v6/AlarmRules');
  const repositories = useRepositories();
  const [adding, setAdding] = useState(false);
  const names = new Map((repositories.data ?? []).map((r) => [r.id, r.name]));
  return html`<section class="settings-section" aria-labelledby="rules-title">
    <div class="section-head"><h2 id="rules-title">Alarm rules</h2><${Button} kind="primary small" icon="plus" onClick=${() => setAdding(true)}>Add a rule<//></div>
    <p class="quiet-text">The rhythm of a machine is learned from its own backups. A rule takes its place, where another measure is wanted. If several rules fit a series, the most specific one holds.</p>
    <${Problem} error=${rules.error?.status ? rules.error : null} retry=${rules.reload} />
    ${!rules.data && !rules.error && html`<${Loading} />`}
    ${rules.data?.length === 0 && html`<${Empty} title="No rules"><p>Each machine is judged by its own rhythm.</p><//>`}
    ${rules.data?.length > 0 && html`<ul class="items" aria-labelledby="rules-title">${rules.data.map((r) => html`<${Rule} key=${r.id} rule=${r} names=${names} reload=${rules.reload} />`)}</ul>`}
    ${adding && html`<${RuleForm} onClose=${() => setAdding(false)} reload=${rules.reload} />`}
  </section>`;
}

// selects says which series a rule is for.
function selects(rule, names) {
  const parts = [rule.hostPattern ? html`hosts <code>${visible(rule.hostPattern)}</code>` : 'every host'];
  if (rule.paths?.length > 0) parts.push(html` with ${rule.paths.map((p, i) => html`${i > 0 && ', '}<${Name} key=${p} text=${p} />`)}`);
  if (rule.tag) parts.push(html` tagged <${Name} text=${rule.tag} />`);
  parts.push(rule.repositoryId ? html` in <${Name} text=${names.get(rule.repositoryId) ?? '…'} />` : ' in every repository');
  return parts;
}

function Rule({ rule, names, reload }) {
  const [dialog, setDialog] = useState('');
  const close = () => setDialog('');
  const name = visible(rule.name);
  const toggle = async () => {
    await put(`/v6/AlarmRules/${rule.id}`, { enabled: !rule.enabled });
    await reload();
  };
  return html`<li>
    <div class="item-text"><span class="item-title"><${Name} text=${rule.name} /><span class="badge ${badgeFor(rule.severity)}">${rule.severity}</span>${!rule.enabled && html`<span class="badge">not in force</span>`}<${Managed} by=${rule.managedBy} /></span>
      <span class="quiet-text">At least every ${visible(rule.maxAge)}: ${selects(rule, names)}</span></div>
    ${!rule.managedBy && html`<div class="actions">
      <${Button} kind="quiet small" aria-label=${`${rule.enabled ? 'Suspend' : 'Put in force'} ${name}`} onClick=${toggle}>${rule.enabled ? 'Suspend' : 'Put in force'}<//>
      <${Button} kind="quiet small" icon="edit" aria-label=${`Edit ${name}`} onClick=${() => setDialog('edit')}>Edit<//>
      <${Button} kind="quiet small" icon="trash" aria-label=${`Remove ${name}`} onClick=${() => setDialog('remove')}>Remove<//></div>`}
    ${dialog === 'edit' && html`<${RuleForm} rule=${rule} onClose=${close} reload=${reload} />`}
    ${dialog === 'remove' && html`<${Confirm} title=${`Remove ${rule.name}?`} action="Remove" onClose=${close} onConfirm=${async () => {
      await remove(`/v6/AlarmRules/${rule.id}`);
      await reload();
    }}><p>The machines are judged by their own rhythm again, or by another rule.</p><//>`}
  </li>`;
}
