// The form of a channel of notifications.
import { html } from '../html.js';
import { post, put } from '../api.js';
import { FormDialog, Select, useForm } from '../forms.js';
import { visible } from '../format.js';
import { bodyOf, formOf, kinds } from '../notifications.js';
import { useRepositories } from '../resources.js';
import { notify } from '../ui.js';

const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

/** @param {any} props */
export function ChannelForm({ channel = undefined, onClose, reload }) {
  const values = useForm(formOf(channel, zone()));
  const { form, field, check, change } = values;
  const submit = async () => {
    const body = bodyOf(form);
    if (channel) await put(`/v6/NotificationChannels/${channel.id}`, body);
    else await post('/v6/NotificationChannels', body);
    notify(channel ? 'Saved.' : 'The channel is added. Test it once.');
    await reload();
  };
  const kind = kinds[form.kind];
  const Fields = fields[form.kind];
  const needsSecret = (form.kind === 'Chat' || form.kind === 'Heartbeat' || form.kind === 'Webhook') && !channel?.hasSecret;
  return html`<${FormDialog} title=${channel ? `Edit ${channel.name}` : 'Add a channel'} action=${channel ? 'Save' : 'Add'} onSubmit=${submit} onClose=${onClose}>
    ${!channel && html`<${Select} label="Kind" value=${form.kind} options=${Object.entries(kinds).map(([key, k]) => [key, k.text])} onChange=${(key) => change({ kind: key })} />`}
    <label>Name<input ...${field('name')} required maxLength="255" placeholder="On call" /></label>
    ${Fields && html`<${Fields} ...${values} />`}
    <label>${kind.secret}<input type="password" ...${field('secret')} required=${needsSecret} disabled=${form.noSecret} maxLength="4096" autoComplete="off" placeholder=${channel?.hasSecret ? 'unchanged' : ''} /><span class="quiet-text">${kind.help}</span></label>
    ${channel?.hasSecret && (form.kind === 'Email' || form.kind === 'Alertmanager') && html`<label class="check"><input ...${check('noSecret')} />Forget the one that is kept</label>`}
    ${form.kind !== 'Heartbeat' && html`<${Tells} ...${values} detached=${channel?.detachedRepositoryIds ?? []} />`}
    <label class="check"><input ...${check('enabled')} />Turned on</label>
  <//>`;
}

const fields = {
  Email: ({ field, form, change }) => html`<label>To<input ...${field('to')} required placeholder="oncall@example.org, second@example.org" /></label>
    <label>From<input ...${field('from')} required maxLength="320" placeholder="syncline@example.org" /></label>
    <div class="two-fields"><label>Mail server<input ...${field('host')} required maxLength="255" placeholder="mail.example.org" spellCheck=${false} /></label>
      <label>Port<input type="number" min="1" max="65535" ...${field('port')} required /></label></div>
    <div class="two-fields"><${Select} label="Encryption" value=${form.encryption} options=${[['StartTLS', 'STARTTLS'], ['TLS', 'TLS'], ['None', 'None']]} onChange=${(encryption) => change({ encryption })} />
      <label>User<input ...${field('userName')} maxLength="320" autoComplete="off" placeholder="no sign-in" spellCheck=${false} /></label></div>`,
  Webhook: ({ field }) => html`<label>Address<input type="url" ...${field('url')} required maxLength="2048" placeholder="https://hooks.example.org/syncline" /></label>`,
  Alertmanager: ({ field }) => html`<label>Address<input type="url" ...${field('url')} required maxLength="2048" placeholder="https://alertmanager.example.org" /></label>
    <label>User<input ...${field('userName')} maxLength="320" autoComplete="off" spellCheck=${false} /></label>`,
  Chat: null,
  Heartbeat: ({ field }) => html`<label>At most every<input ...${field('interval')} required maxLength="32" placeholder="5m" spellCheck=${false} /></label>`,
};

// Tells asks for the alarms that a channel tells of, and how.
function Tells({ form, field, change, detached }) {
  const repositories = useRepositories();
  const choices = [...repositories.data ?? [], ...detached.map((id) => ({ id, name: 'a detached repository' }))];
  const toggle = (id, on) => change({ repositories: on ? [...form.repositories, id] : form.repositories.filter((r) => r !== id) });
  return html`<div class="two-fields"><${Select} label="Alarms" value=${form.minimumSeverity} options=${[['Info', 'All'], ['Warning', 'Warnings and critical'], ['Critical', 'Critical only']]} onChange=${(minimumSeverity) => change({ minimumSeverity })} />
      <${Select} label="Repositories" value=${form.some ? 'some' : ''} options=${[['', 'All'], ['some', 'Some of them']]} onChange=${(value) => change({ some: value !== '' })} /></div>
    ${form.some && html`<fieldset class="choices pick"><legend>Only of these</legend>${choices.map((r) => html`<label key=${r.id}>
      <input type="checkbox" checked=${form.repositories.includes(r.id)} onChange=${(e) => toggle(r.id, e.target.checked)} /><span>${visible(r.name)}</span></label>`)}</fieldset>`}
    ${form.kind !== 'Alertmanager' && html`<${Select} label="Digest" value=${form.every} options=${[['', 'None'], ['Daily', 'Daily'], ['Weekly', 'Weekly']]} onChange=${(every) => change({ every })} help="How many machines are in time, also when all are." />`}
    ${form.kind !== 'Alertmanager' && form.every && html`<div class="two-fields">${form.every === 'Weekly' && html`<${Select} label="Day" value=${form.weekday} options=${days.map((d) => [d, d])} onChange=${(weekday) => change({ weekday })} />`}
      <label>Time<input type="time" ...${field('time')} required /></label><label>Time zone<input ...${field('timeZone')} maxLength="64" spellCheck=${false} /></label></div>`}
    ${form.kind !== 'Alertmanager' && html`<details><summary>Texts of the messages</summary>
      <label>Subject<input ...${field('subject')} maxLength="8192" spellCheck=${false} placeholder="the built-in one" /></label>
      <label>Text<textarea ...${field('body')} maxLength="8192" spellCheck=${false} placeholder="the built-in one"></textarea></label>
      <p class="quiet-text">Templates of Go’s text/template. A test sends them.</p></details>`}`;
}
