// The common part of the steps of adding a repository.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { html } from '../html.js';
import { remove } from '../api.js';
import { useElement } from '../store.js';
import { Icon } from '../ui.js';

// Step is a form that focuses its first field.
export function Step({ title, onSubmit, back, action, busy, children }) {
  const form = useElement();
  useLayoutEffect(() => form.current.querySelector('input:not([type="radio"]), select, textarea')?.focus(), []); // before the next key
  return html`<form ref=${form} onSubmit=${(e) => { e.preventDefault(); if (!busy) onSubmit(); }}>
    <h2>${title}</h2>${children}
    <div class="actions">${back && html`<button type="button" class="quiet" onClick=${back}><${Icon} name="back" />Back</button>`}
      <button type="submit" class="primary" disabled=${busy}>${busy ? 'Checking…' : action}</button></div>
  </form>`;
}

// useLeft says, in a ref, whether the step was left meanwhile.
export function useLeft() {
  const left = useRef(false);
  useEffect(() => () => {
    left.current = true;
  }, []);
  return left;
}

// hasChosen tells whether the accounts to choose from are there, the chosen one among them.
// A list from before it was added would grow under the pointer.
export const hasChosen = ({ data, error, loading }, id) => data && (!id || error || !loading || data.some((a) => a.id === id));

// dropAccount removes an account that was added on the way, and before it the place that
// it opens.
/** @param {{ added?: string, storage?: string }} on */
export function dropAccount({ added, storage }) {
  if (!added && !storage) return null;
  const drop = (resource) => remove(resource).catch(() => {});
  return (async () => {
    if (storage) await drop(`/v6/objectstoragerepositories/${storage}`);
    if (added) await drop(`/v6/Accounts/${added}`);
  })();
}
