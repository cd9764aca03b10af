import test from 'node:test';
import assert from 'node:assert/strict';
import { choicesOf, withoutField } from './storages.js';

const kind = /** @type {any} */ ({ title: 'SFTP', methods: [{ name: 'key', title: 'Private key' }, { name: 'password', title: 'Password' }] });
const account = (id, description, userName, method) => /** @type {any} */ ({ id, description, userName, method, accountType: 'sftpAccount' });
const texts = (...accounts) => choicesOf(accounts, kind).map(([, text]) => text);

test('accounts to choose from are told apart', () => {
  assert.deepEqual(texts(account('1', '', 'root', 'key'), account('2', '', 'root', 'password')), ['root, private key', 'root, password']);
  assert.deepEqual(texts(account('1', 'Attic', 'root', null)), ['Attic, private key, root']);
  assert.deepEqual(texts(account('1', 'SFTP: root', 'root', null)), ['SFTP: root, private key']);
  assert.deepEqual(texts(account('1', '', '', null)), ['SFTP, private key']);
  assert.deepEqual(texts(account('0123456789', '', 'root', 'key'), account('abcdefghij', '', 'root', 'key')), ['root, private key (01234567)', 'root, private key (abcdefgh)']);
});

test('an account of a kind that is not known has a name all the same', () => {
  assert.deepEqual(choicesOf([account('1', '', '', null)], undefined), [['1', 'sftpAccount']]);
});

test('a refusal has the words of the form', () => {
  const fields = /** @type {any} */ ([{ name: 'userName', title: 'Key ID' }, { name: 'authUrl', title: 'Identity service' }, { name: 'privateKey', title: 'Private key' }, { name: 'region', title: 'Region' }]);
  for (const [message, want] of [
    ['address: it is elsewhere', 'it is elsewhere'],
    ['settings.hostKey: the host shows another key', 'the host shows another key'],
    ['settings.authUrl is required; give it', 'Identity service is required; give it'],
    ['secrets.privateKey must be a key', 'Private key must be a key'],
    ['userName names a remote', 'Key ID names a remote'],
    ['settings.other is not known', 'settings.other is not known'],
    ['region is a word here', 'region is a word here'],
    ['password is required', 'password is required'],
  ]) assert.equal(withoutField(message, fields), want);
});
