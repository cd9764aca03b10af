// Requests to the REST API. The tokens are in cookies that no script can read.
// This module renews them before they end, notices when the server is gone and
// says when it is back.
import { base, withBase } from './base.js';
import { createStore } from './store.js';

/** @typedef {import('../build/api').components['schemas']} Schemas */
/** @typedef {{ userName: string, role: string }} User */

export class ApiError extends Error {
  /** @param {number} status @param {string} message @param {Record<string, string>} [confirm] settings that would let the request pass */
  constructor(status, message, confirm) {
    super(message);
    this.status = status;
    this.confirm = confirm;
  }
}

// user is the signed-in user: undefined while unknown, null for none.
/** @type {import('./store.js').Store<User | null | undefined>} */
export const user = createStore(undefined);
// lost is the time at which the server was lost, or null.
/** @type {import('./store.js').Store<number | null>} */
export const lost = createStore(null);
// why says why a server that answers is lost all the same, or is ''.
export const why = createStore('');

// The API's roles, with their rights beyond seeing.
const may = {
  manage: ['administrator'],
  synchronize: ['administrator', 'operator'],
  restore: ['administrator', 'restorer'],
  answer: ['administrator', 'operator'], // alarms, and what is watched
  follow: ['administrator', 'operator', 'restorer'], // the restores on the server
};

export function allowed(who, what) {
  return may[what].includes(who?.role);
}

/** @typedef {{ body?: unknown, signal?: AbortSignal }} Options */

/** @param {string} method @param {string} path @param {Options} [options] */
async function send(method, path, { body, signal } = {}) {
  let response;
  try {
    response = await fetch(withBase(path), {
      method,
      signal,
      credentials: 'same-origin',
      headers: { 'Syncline-Extensions': '1', ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    connectionLost();
    throw new ApiError(0, 'The server cannot be reached.');
  }
  if (!why.get()) lost.set(null);
  if (response.status === 503) checkReady();
  return response;
}

/** @param {Response} response @returns {Promise<any>} */
async function answer(response) {
  const text = await response.text();
  /** @type {any} */
  let value;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(response.status, `The server gave an answer that is not understood (status ${response.status}).`);
  }
  if (!response.ok) throw new ApiError(response.status, value?.message ?? `The server answered with status ${response.status}.`, value?.confirm);
  return value;
}

// ask makes a request to the API, and renews ended tokens once.
/** @param {string} method @param {string} path @param {Options} [options] */
async function ask(method, path, options) {
  let response = await send(method, path, options);
  if (response.status === 401) {
    if (await renew(true)) response = await send(method, path, options);
    if (response.status === 401) user.set(null);
  }
  return response;
}

/** @param {string} method @param {string} path @param {Options} [options] */
export async function request(method, path, options) {
  return answer(await ask(method, path, options));
}

// begins finds out whether a download would begin. It reads none of it.
export async function begins(path) {
  await fresh(); // for the browser's own request, too
  const abort = new AbortController();
  const response = await ask('GET', path, { signal: abort.signal });
  if (!response.ok) await answer(response); // which throws
  abort.abort();
}

/** @param {string} path @param {Options} [options] */
export const get = (path, options) => request('GET', path, options);

/**
 * getWhole says besides the answer which repositories are left out of it.
 * @param {string} path
 * @param {Options} [options]
 */
export const getWhole = (path, options) => whole('GET', path, options);

// postWhole likewise.
export const postWhole = (path) => whole('POST', path);

/** @param {string} method @param {string} path @param {Options} [options] */
async function whole(method, path, options) {
  const response = await ask(method, path, options);
  const value = await answer(response);
  return { value, without: (response.headers.get('Syncline-Incomplete') ?? '').split(/[\s,]+/).filter(Boolean) };
}

/** @param {string} path @param {unknown} [body] */
export const post = (path, body) => request('POST', path, { body });
export const put = (path, body) => request('PUT', path, { body });
export const remove = (path) => request('DELETE', path);

// query appends the parameters that have a value. An array gives several.
export function query(path, params) {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const v of Array.isArray(value) ? value : [value]) {
      if (v !== undefined && v !== null && v !== '' && v !== false) q.append(name, v);
    }
  }
  const s = q.toString();
  return s ? `${path}?${s}` : path;
}

// Several tabs share the cookies, and a refresh token works once. So one tab at
// a time renews, and the others see from the stored time that it is done.
// Servers below several bases of one host each have a time of their own.
const expiryKey = `syncline-expires${base}`;
const early = 5 * 60_000;

function expiry() {
  return Number(localStorage.getItem(expiryKey)) || 0;
}

function signedIn(who) {
  localStorage.setItem(expiryKey, String(Date.parse(who.expires)));
  user.set({ userName: who.userName, role: who.role });
  schedule();
}

// renew gets new tokens and reports whether there are good ones. After a
// refusal it renews them, unless another tab has done so meanwhile.
export function renew(refused = false) {
  const before = expiry();
  return navigator.locks.request(`syncline-renew${base}`, async () => {
    const now = expiry();
    if (now > Date.now() + early && (!refused || now !== before)) return true;
    const response = await send('POST', '/v6/Console/Renew');
    if (response.status === 401 && expiry() === now) localStorage.removeItem(expiryKey); // the sign-in is over
    if (response.status === 503) await answer(response); // which throws; nobody is signed out by that
    if (!response.ok) return false;
    signedIn(await answer(response));
    return true;
  });
}

/** @type {number | undefined} */
let timer;
function schedule() {
  clearTimeout(timer);
  // Timers sleep with the computer, so the clock is checked every minute.
  timer = setTimeout(keepFresh, Math.min(60_000, Math.max(1000, expiry() - early - Date.now())));
}

async function keepFresh() {
  if (!user.get()) return;
  if (expiry() - early <= Date.now()) await renew().catch(() => {});
  schedule();
}

// fresh makes sure of good tokens before the browser itself makes a request, as
// for downloads.
export async function fresh() {
  if (expiry() - early <= Date.now()) await renew();
}

export async function signIn(username, password) {
  signedIn(await answer(await send('POST', '/v6/Console/SignIn', { body: { username, password } })));
}

export async function signOut() {
  await answer(await send('POST', '/v6/Console/SignOut'));
  localStorage.removeItem(expiryKey);
  user.set(null);
}

// start finds out who is signed in. Where nobody has signed in, it asks nothing.
export async function start() {
  try {
    if (!expiry()) {
      user.set(null);
    } else if (expiry() > Date.now() + early) {
      user.set(await get('/v6/Console/User'));
      schedule();
    } else if (!(await renew(true))) {
      user.set(null);
    }
  } catch (error) {
    if (error instanceof ApiError && (error.status === 0 || error.status === 503)) {
      connectionLost(); // tried again when the server is back
      return;
    }
    user.set(null);
  }
}

// Another tab has signed in or out.
addEventListener('storage', (event) => {
  if (event.key !== expiryKey) return;
  if (!event.newValue) user.set(null);
  else if (!user.get()) start();
});

// notReady returns why the server cannot answer questions, or ''.
async function notReady() {
  const response = await fetch(withBase('/readyz'), { credentials: 'omit' });
  return response.status === 503 ? (await response.text()).split('\n')[0].replace(/^not ready: /, '') : '';
}

// checkReady is called when a request could not be answered, which says nothing about the
// other requests.
async function checkReady() {
  if (probing) return;
  const reason = await notReady().catch(() => '');
  if (reason) connectionLost(reason);
}

let probing = false;
export function connectionLost(reason = '') {
  if (lost.get() === null) lost.set(Date.now());
  if (reason) why.set(reason);
  if (probing) return;
  probing = true;
  const probe = async (wait) => {
    await new Promise((done) => setTimeout(done, wait));
    try {
      why.set(await notReady());
      if (why.get()) throw new Error(why.get());
      probing = false;
      lost.set(null);
      if (user.get() === undefined) start();
    } catch {
      probe(Math.min(3000, wait * 1.5));
    }
  };
  probe(800);
}
