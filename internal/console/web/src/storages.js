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

// folderField is the API's name of the folder's field.
/** @param {Storage} s */
export function folderField(s) {
  return s.azureContainer ? 'azureFolder' : s.googleBucket ? 'googleFolder' : 's3Folder';
}
