import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOf, digestText, formOf, lacks, where } from './notifications.js';

test('the form of a channel sends back what it was made of', () => {
  const mail = /** @type {any} */ ({
    kind: 'Email', name: 'On call', enabled: false, minimumSeverity: 'Critical', repositoryIds: ['a'], hasSecret: true,
    email: { host: 'mail', port: 25, encryption: 'None', from: 'a@b', to: ['c@d', 'e@f'] }, subject: '{{.}}', digest: { every: 'Weekly', time: '07:30', weekday: 'Friday', timeZone: 'Europe/Berlin' },
  });
  const { hasSecret, ...sent } = mail;
  assert.equal(hasSecret, true);
  assert.deepEqual(bodyOf(formOf(mail, 'UTC')), sent);
  const beat = /** @type {any} */ ({ kind: 'Heartbeat', name: 'Alive', enabled: true, heartbeat: { interval: '10m' } });
  assert.deepEqual(bodyOf(formOf(beat, 'UTC')), beat);
});

test('a secret is sent only when it is typed or removed', () => {
  const form = { ...formOf(undefined, 'UTC'), kind: 'Webhook', name: 'x', url: 'https://h' };
  assert.equal('secret' in bodyOf(form), false);
  assert.equal(/** @type {any} */ (bodyOf({ ...form, secret: 's' })).secret, 's');
  assert.equal(/** @type {any} */ (bodyOf({ ...form, secret: 's', noSecret: true })).secret, '');
});

test('a channel says to whom it tells, and when', () => {
  assert.equal(where(/** @type {any} */ ({ kind: 'Email', email: { to: ['a@b', 'c@d'] } })), 'a@b, c@d');
  assert.equal(digestText(/** @type {any} */ ({ every: 'Weekly', weekday: 'Friday', time: '07:30' })), 'every Friday at 07:30 UTC');
});

test('a channel says what it does not hear of', () => {
  const of = (all, gone) => lacks(/** @type {any} */ ({ ...(all && { repositoryIds: all }), ...(gone && { detachedRepositoryIds: gone }) }));
  assert.deepEqual(of(undefined, undefined), { mute: false, text: '' });
  assert.deepEqual(of(['a'], undefined), { mute: false, text: '' });
  assert.deepEqual(of(['a', 'b', 'c'], ['b']), { mute: false, text: '1 of the 3 repositories that it is for is detached.' });
  assert.deepEqual(of(['a', 'b', 'c'], ['b', 'c']), { mute: false, text: '2 of the 3 repositories that it is for are detached.' });
  assert.equal(of(['a', 'b'], ['a', 'b']).mute, true);
  assert.match(of(['a'], ['a']).text, /^Nobody hears of alarms/);
});
