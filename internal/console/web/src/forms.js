// Dialogs with a form, and the parts of settings pages.
import { useLayoutEffect, useState } from 'preact/hooks';
import { html } from './html.js';
import { visible } from './format.js';
import { useElement } from './store.js';
import { Problem, useModal } from './ui.js';

/**
 * FormDialog is a dialog with one form. onSubmit sends it; the dialog closes
 * when that succeeds, and shows the failure otherwise.
 * @param {any} props
 */
export function FormDialog({ title, action = 'Save', busyText = 'Saving…', inWords = (message) => message, onSubmit, onClose, children, kind = 'primary' }) {
  const dialog = useModal();
  const form = useElement();
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  useLayoutEffect(() => form.current.querySelector('input:checked, input:not([type="radio"], :disabled, [hidden]), select, textarea')?.focus(), []);
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await onSubmit();
      onClose();
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  return html`<dialog ref=${dialog} class="edit" aria-labelledby="form-title" onClose=${onClose}>
    <h2 id="form-title">${visible(title)}</h2>
    <form ref=${form} onSubmit=${submit}>${children}
      <${Problem} error=${error && { message: inWords(error.message) }} />
      <div class="actions"><button type="button" class="quiet" onClick=${onClose}>Cancel</button>
        <button type="submit" class=${kind} disabled=${busy}>${busy ? busyText : action}</button></div>
    </form>
  </dialog>`;
}

/**
 * useForm keeps the values of a form's fields. field gives an input its value
 * and takes what is typed.
 * @template {Record<string, any>} T
 * @param {T} initial
 */
export function useForm(initial) {
  const [form, setForm] = useState(initial);
  const change = (changes) => setForm((f) => ({ ...f, ...changes }));
  const field = (name) => ({ value: form[name], onInput: (e) => change({ [name]: e.target.value }) });
  const check = (name) => ({ type: 'checkbox', checked: form[name], onChange: (e) => change({ [name]: e.target.checked }) });
  return { form, change, field, check };
}

/** @param {any} props */
export function Select({ label, value, options, onChange, help = undefined, ...rest }) {
  return html`<label>${label}<select value=${value} onChange=${(e) => onChange(e.target.value)} ...${rest}>
    ${options.map(([key, text]) => html`<option key=${key} value=${key}>${visible(text)}</option>`)}</select>${help && html`<span class="quiet-text">${help}</span>`}</label>`;
}

// Managed marks what a file declares. It is changed in the file.
export function Managed({ by }) {
  if (!by) return null;
  return html`<span class="badge managed" title="Declared in a file for “syncline apply”. Change it there.">from file ${visible(by)}</span>`;
}
