// When a repository is checked by itself.
import { html } from '../html.js';
import { put } from '../api.js';
import { FormDialog, useForm } from '../forms.js';
import { notify } from '../ui.js';

const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** @param {{ repository: import('../resources.js').Repository, reload: () => any, onClose: () => void }} props */
export function Schedule({ repository, reload, onClose }) {
  const s = repository.synchronization;
  const { form, field, change } = useForm({
    how: !s.enabled ? 'off' : s.cron ? 'cron' : s.interval ? 'interval' : 'server',
    interval: s.interval ?? '15m', cron: s.cron ?? '0 3 * * *', timeZone: s.timeZone ?? zone(),
  });
  const submit = async () => {
    const synchronization = {
      server: { enabled: true },
      interval: { enabled: true, interval: form.interval.trim() },
      cron: { enabled: true, cron: form.cron.trim(), timeZone: form.timeZone.trim() },
      off: { enabled: false },
    }[form.how];
    await put(`/v6/BackupRepositories/${repository.id}`, { retentionType: repository.retentionType, synchronization });
    notify('Saved.');
    await reload();
  };
  const choice = (how, text) => html`<label><input type="radio" name="how" value=${how} checked=${form.how === how} onChange=${() => change({ how })} />${text}</label>`;
  return html`<${FormDialog} title=${`Schedule of ${repository.name}`} onSubmit=${submit} onClose=${onClose}>
    <fieldset class="choices roles"><legend>It is checked</legend>
      ${choice('server', 'At the server’s interval')}${choice('interval', 'At an interval of its own')}${choice('cron', 'At times of its own (cron)')}${choice('off', 'Not by itself')}</fieldset>
    ${form.how === 'interval' && html`<label>Interval<input ...${field('interval')} required maxLength="64" spellCheck=${false} /><span class="quiet-text">such as 15m, 1h30m or 7d</span></label>`}
    ${form.how === 'cron' && html`<label>Cron expression<input ...${field('cron')} required maxLength="256" spellCheck=${false} /><span class="quiet-text">minute, hour, day of month, month, day of week: 0 3 * * * is every night at three</span></label>
      <label>Time zone<input ...${field('timeZone')} required maxLength="256" spellCheck=${false} placeholder="Europe/Berlin" /></label>`}
    ${form.how === 'off' && html`<p class="quiet-text">Without checks it is not known what changes there. Its machines become “not known” when their next backup is due.</p>`}
    <p class="quiet-text">A check lists the names of the repository’s files. Only something new starts a session.</p>
  <//>`;
}
