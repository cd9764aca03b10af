// The fields of a kind of storage, drawn from what the server tells of it.
import { html } from '../html.js';
import { useGet } from '../data.js';
import { visible } from '../format.js';
import { Select } from '../forms.js';
import { Icon } from '../ui.js';

/** @typedef {import('../api.js').Schemas['StorageKind']} Kind */
/** @typedef {import('../api.js').Schemas['StorageMethod']} Method */
/** @typedef {import('../api.js').Schemas['StorageField']} Field */

// useKinds asks for the kinds of storage: data is a list, or undefined.
export const useKinds = () => useGet('/v6/StorageKinds');

// hasAddress tells the kinds whose places are addresses.
/** @param {Kind} kind */
export const hasAddress = (kind) => kind.addressExample !== '';

// methodOf is the way of signing in with a name, the first one for none.
/** @param {Kind} kind @param {string | undefined} name @returns {Method} */
export const methodOf = (kind, name) => kind.methods.find((m) => m.name === name) ?? kind.methods[0];

// fieldsOf are the fields of a kind with a way of signing in.
/** @param {Kind} kind @param {string | undefined} name @returns {Field[]} */
export function fieldsOf(kind, name) {
  const method = methodOf(kind, name);
  return [...(method.userName ? [method.userName] : []), ...method.settings, ...method.secrets, ...kind.settings];
}

// sentence makes one of a phrase.
const sentence = (text) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

// keep returns the values of the fields that there are, without empty ones. All of them
// where those that are left out would stay as they are.
/** @param {Field[]} fields @param {Record<string, string>} values @param {boolean} all */
function keep(fields, values, all) {
  const kept = fields.map((f) => [f.name, f.isMultiline ? (values[f.name] ?? '') : (values[f.name] ?? '').trim()]);
  return Object.fromEntries(kept.filter(([, value]) => all || value));
}

// accountBody is the API's form of an account. One that is changed keeps the secrets that
// are not filled in.
/** @param {Kind} kind @param {any} form @param {any} [account] */
export function accountBody(kind, form, account) {
  const method = methodOf(kind, form.method);
  const secrets = Object.fromEntries(method.secrets.map((f) => [f.name, form.secrets[f.name] ?? '']).filter(([, value]) => value));
  return {
    ...(!account && { accountType: kind.accountType }),
    ...((kind.methods.length > 1) && { method: method.name }),
    ...(method.userName && { userName: form.userName.trim() }),
    ...(method.settings.length > 0 && { settings: keep(method.settings, form.settings, Boolean(account) && sameMethod(kind, form, account)) }),
    ...(Object.keys(secrets).length > 0 && { secrets }),
  };
}

const sameMethod = (kind, form, account) => methodOf(kind, account.method).name === methodOf(kind, form.method).name;

// placeSettings are the settings of a place. The server takes away those that are empty.
/** @param {Kind} kind @param {Record<string, string>} settings @param {boolean} all */
export const placeSettings = (kind, settings, all) => keep(kind.settings, settings, all);

/** @param {any} props */
function Input({ field, value, onInput, secret = false, unchanged = false }) {
  const id = `field-${field.name}`;
  const common = {
    value: value ?? '', required: field.isRequired && !unchanged, spellcheck: false, autoComplete: 'off', 'aria-describedby': `${id}-help`,
    placeholder: unchanged ? 'unchanged' : field.example, maxLength: field.name === 'userName' ? 255 : 16384, onInput: (e) => onInput(e.target.value),
  };
  const optional = !field.isRequired && html` <span class="quiet-text">(optional)</span>`;
  const help = html`<span class="quiet-text" id=${`${id}-help`}>${visible(sentence(field.help))}</span>`;
  if (field.choices) {
    const choices = field.isRequired ? field.choices : ['', ...field.choices];
    return html`<label><span>${field.title}${optional}</span><select value=${value ?? ''} required=${common.required} onChange=${(e) => onInput(e.target.value)} aria-describedby=${`${id}-help`}>
      ${field.isRequired && !value && html`<option value="">Choose one</option>`}${choices.map((c) => html`<option key=${c} value=${c}>${c}</option>`)}</select>${help}</label>`;
  }
  return html`<label><span>${field.title}${optional}</span>${field.isMultiline
    ? html`<textarea rows="4" class=${secret ? 'masked' : ''} ...${common}></textarea>`
    : html`<input type=${secret ? 'password' : 'text'} ...${common} />`}${help}</label>`;
}

/**
 * AccountFields are the fields of an account: form has method, userName, settings and
 * secrets. An account that is changed keeps the secrets that are left empty.
 * @param {any} props
 */
export function AccountFields({ kind, form, change, account = undefined }) {
  const method = methodOf(kind, form.method);
  const unchanged = Boolean(account) && sameMethod(kind, form, account);
  const set = (part, name) => (value) => change({ [part]: { ...form[part], [name]: value } });
  return html`${kind.methods.length > 1
    ? html`<${Select} label="Way of signing in" value=${method.name} options=${kind.methods.map((m) => [m.name, m.title])} onChange=${(name) => change({ method: name })} help=${method.help} />`
    : html`<p class="quiet-text">${visible(method.help)}</p>`}
    ${method.userName && html`<${Input} field=${method.userName} value=${form.userName} onInput=${(userName) => change({ userName })} />`}
    ${method.settings.map((f) => html`<${Input} key=${f.name} field=${f} value=${form.settings[f.name]} onInput=${set('settings', f.name)} />`)}
    ${method.secrets.map((f) => html`<${Input} key=${f.name} field=${f} secret value=${form.secrets[f.name]} onInput=${set('secrets', f.name)} unchanged=${unchanged} />`)}`;
}

/** @param {any} props */
export function PlaceFields({ kind, settings, onChange }) {
  return kind.settings.map((f) => html`<${Input} key=${f.name} field=${f} value=${settings[f.name]} onInput=${(value) => onChange({ ...settings, [f.name]: value })} />`);
}

// shown is what a storage has shown, without the words for programs.
const shown = (message) => message.replace(/^address: /, '').replace(/, then send the request again.*$/, '').replace(/\.$/, '');

/**
 * Confirmation asks whether what a storage has shown is right, such as the key of a host.
 * @param {any} props
 */
export function Confirmation({ kind, error, onConfirm, onRefuse, busy }) {
  return html`<div class="confirmation" role="alertdialog" aria-labelledby="confirm-title" aria-describedby="confirm-text">
    <h2 id="confirm-title"><${Icon} name="warning" size="17" /> Is this the right one?</h2>
    <p id="confirm-text" class="wrap-name">${visible(sentence(shown(error.message)))}</p>
    ${Object.entries(error.confirm).map(([name, value]) => html`<div key=${name}><span class="label">${kind.settings.find((f) => f.name === name)?.title ?? name}</span><code class="whole">${visible(value)}</code></div>`)}
    <p class="quiet-text">It is kept, and the storage is refused from then on when it shows another one.</p>
    <div class="actions"><button type="button" class="quiet" onClick=${onRefuse} disabled=${busy}>It is wrong</button>
      <button type="button" class="primary" onClick=${onConfirm} disabled=${busy}>${busy ? 'Checking…' : 'It is right'}</button></div>
  </div>`;
}
