// The steps of adding a repository at an address, in a kind of storage that the
// server describes. The storage is tried, through the server, before the next step.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { post, remove } from '../api.js';
import { useGet } from '../data.js';
import { visible } from '../format.js';
import { choicesOf, withoutField } from '../storages.js';
import { Loading, Problem } from '../ui.js';
import { Step, dropAccount, hasChosen, useLeft } from './attachstep.js';
import { AccountFields, Confirmation, PlaceFields, accountBody, fieldsOf, methodOf, placeSettings } from './kindfields.js';

// AddressFields are those of the first step.
/** @param {any} props */
export function AddressFields({ kind, form, change }) {
  return html`<label>Address<input value=${form.address} required maxLength="4096" spellCheck=${false} placeholder=${kind.addressExample} aria-describedby="address-help"
      onInput=${(e) => change({ address: e.target.value })} /></label>
    <p id="address-help" class="quiet-text">${visible(kind.help)} The address is restic’s own, without a user and a password.</p>
    <${PlaceFields} kind=${kind} settings=${form.place} onChange=${(place) => change({ place })} />`;
}

const short = (text) => text.slice(0, 255).trim();

/** @param {any} props */
export function SignIn({ kind, form, change, back, next }) {
  const accounts = useGet(`/v6/Accounts?accountType=${kind.accountType}`);
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const left = useLeft();
  // attempt adds the account, unless one is chosen, and the place, which tries it.
  const attempt = async (confirmed = {}) => {
    const place = { ...form.place, ...confirmed };
    setBusy(true);
    change({ place }); // where the storage shows one more thing
    let added = '';
    try {
      await dropAccount({ storage: form.storage }); // of an earlier try
      let { accountId } = form;
      if (!accountId) {
        const account = await post('/v6/Accounts', { ...accountBody(kind, form), description: short(`${kind.title}: ${form.userName.trim() || form.address.trim()}`) });
        accountId = added = account.id;
      }
      const address = form.address.trim();
      const storage = await post('/v6/objectstoragerepositories', {
        type: kind.storageType, accountId, address, name: short(`${kind.title}: ${address.replace(/^[a-z0-9]+:/, '')}`), settings: { ...placeSettings(kind, place, false), ...confirmed },
      });
      if (left.current) {
        await dropAccount({ storage: storage.id, added });
        return;
      }
      change({ place, storage: storage.id, accountId, added: added || form.added, secrets: {} });
      next();
    } catch (problem) {
      if (added) await remove(`/v6/Accounts/${added}`).catch(() => {});
      change({ storage: '' });
      if (left.current) return;
      setError(problem);
      setBusy(false);
    }
  };
  const pick = (id) => {
    const dropped = dropAccount(form);
    change({ accountId: id, added: '', storage: '' });
    dropped?.then(accounts.reload);
  };
  if (!hasChosen(accounts, form.accountId)) return accounts.error ? html`<${Problem} error=${accounts.error} retry=${accounts.reload} />` : html`<${Loading} />`;
  if (error?.confirm) {
    return html`<${Confirmation} kind=${kind} error=${error} busy=${busy} onRefuse=${() => setError(null)} onConfirm=${() => attempt(error.confirm)} />`;
  }
  return html`<${Step} title="Which account may read it?" onSubmit=${() => { setError(null); attempt(); }} back=${back} action="Next" busy=${busy}>
    ${accounts.data.length > 0 && html`<label>Account<select value=${form.accountId} onChange=${(e) => pick(e.target.value)}>
      <option value="">A new one</option>
      ${choicesOf(accounts.data, kind).map(([id, text]) => html`<option key=${id} value=${id}>${visible(text)}</option>`)}</select></label>`}
    ${!form.accountId && html`<${AccountFields} kind=${kind} form=${form} change=${change} />
      ${methodOf(kind, form.method).secrets.length > 0 && html`<p class="quiet-text">Secrets are sealed when they are stored, and are never shown again. The right to read is enough.</p>`}`}
    <${Problem} error=${error && { message: withoutField(error.message, fieldsOf(kind, form.method)) }} />
  <//>`;
}
