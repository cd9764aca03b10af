import { useLayoutEffect, useState } from 'preact/hooks';
import { html } from '../html.js';
import { signIn } from '../api.js';
import { useElement } from '../store.js';
import { Problem } from '../ui.js';

export function SignIn() {
  const [error, setError] = useState(/** @type {any} */ (null));
  const [busy, setBusy] = useState(false);
  const name = useElement();
  const password = useElement();
  useLayoutEffect(() => {
    document.title = 'Sign in · Syncline';
    name.current.focus();
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await signIn(name.current.value, password.current.value);
    } catch (problem) {
      setError(problem);
      setBusy(false);
      password.current.select();
    }
  };
  return html`<main class="alone"><form class="card sign-in" onSubmit=${submit}>
    <h1><svg width="30" height="30" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" class="brand-box" />
      <g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"><path d="M5 9.500q11 9 22 0" /><path d="M5 16q11 9 22 0" opacity=".75" /><path d="M5 22.500q11 6.5 22 0" opacity=".5" /></g></svg>
      Syncline</h1>
    <label>User<input ref=${name} name="username" autoComplete="username" autoCapitalize="none" spellCheck=${false} required maxLength="255" /></label>
    <label>Password<input ref=${password} name="password" type="password" autoComplete="current-password" required maxLength="4096" /></label>
    <${Problem} error=${error} />
    <button type="submit" class="primary" disabled=${busy}>${busy ? 'Signing in…' : 'Sign in'}</button>
  </form></main>`;
}
