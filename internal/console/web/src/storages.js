// Texts about places in object storage.

/** @typedef {import('./api.js').Schemas['ObjectStorageRepositoryComposed']} Storage */

// whereOf says where a place in object storage is: the word for its bucket, the
// server that has it, both as a text, and the path in there, which is the whole address
// of a kind that has one.
/** @param {Storage} s */
export function whereOf(s) {
  if (s.address) return { word: 'Address', at: 'Address', server: '', path: s.address };
  const bucket = /** @type {any} */ (s.amazonBucketS3Compatible ?? s.amazonBucketS3Aws ?? s.googleBucket ?? s.azureContainer ?? { name: '' });
  const word = s.azureContainer ? 'Container' : 'Bucket';
  const server = bucket.servicePoint ?? bucket.endpoint ?? (s.azureContainer ? 'Azure' : s.googleBucket ? 'Google' : 'Amazon S3');
  return {
    word,
    at: `${word} at ${server}`,
    server,
    path: [bucket.name, folderOf(s)].filter(Boolean).join('/'),
  };
}

/** @param {Storage} s */
export function folderOf(s) {
  return s.s3Folder || s.googleFolder || s.azureFolder || '';
}

/** @typedef {import('./api.js').Schemas['Credential']} Account */
/** @typedef {import('./api.js').Schemas['StorageKind']} Kind */

// nameOf is what an account is called.
/** @param {Account} account @param {string | undefined} title */
export const nameOf = (account, title) => account.description || account.userName || title || account.accountType;

// choicesOf are the accounts of a kind to choose from, each with a text of its own: the
// way of signing in and the user tell those of one name apart, or else the beginning
// of the id.
/** @param {Account[]} accounts @param {Kind | undefined} kind @returns {[string, string][]} */
export function choicesOf(accounts, kind) {
  const texts = accounts.map((a) => {
    const name = nameOf(a, kind?.title);
    const method = kind && kind.methods.length > 1 ? (kind.methods.find((m) => m.name === a.method) ?? kind.methods[0])?.title.toLowerCase() : '';
    return [name, method, !name.includes(a.userName) && a.userName].filter(Boolean).join(', ');
  });
  return accounts.map((a, i) => [a.id, texts.filter((t) => t === texts[i]).length > 1 ? `${texts[i]} (${a.id.slice(0, 8)})` : texts[i]]);
}

// folderField is the API's name of the folder's field.
/** @param {Storage} s */
export function folderField(s) {
  return s.azureContainer ? 'azureFolder' : s.googleBucket ? 'googleFolder' : 's3Folder';
}

// withoutField removes the field's name in the API, which the form does not
// have. Where the name is a part of the sentence, the title of the field stands for it.
/** @param {string} message @param {import('./api.js').Schemas['StorageField'][]} [fields] */
export function withoutField(message, fields = []) {
  const plain = message.replace(/^(path|encryptionKeyId|accountId|objectStorageId|s3Folder|azureFolder|googleFolder|amazonBucket[A-Za-z0-9.]*|azureContainer[A-Za-z.]*|googleBucket[A-Za-z.]*|address|settings\.[A-Za-z0-9]+): /, '');
  const [begin, name] = /^(?:(?:settings|secrets)\.(?=\w))?(\w+)(?= )/.exec(plain) ?? [''];
  const field = /^(settings\.|secrets\.|userName$|password$)/.test(begin) && fields.find((f) => f.name === name);
  return field ? `${field.title}${plain.slice(begin.length)}` : plain;
}
