// The most frequent questions of views to the API, with their types.
import { useGet } from './data.js';

/** @typedef {import('./api.js').Schemas} Schemas */
/** @typedef {Schemas['BackupRepository']} Repository */
/** @typedef {Schemas['RestorePoint']} Point */
/** @typedef {Schemas['HiddenSnapshot']} HiddenSnapshot */
/** @typedef {Schemas['RepositorySynchronizeSession']} Session */

/** @returns {import('./data.js').Loaded<Repository[]>} */
export const useRepositories = () => useGet('/v6/BackupRepositories');

/** @param {string | undefined} id @returns {import('./data.js').Loaded<Repository>} */
export const useRepository = (id) => useGet(id ? `/v6/BackupRepositories/${id}` : null);

/** @param {string} id @returns {import('./data.js').Loaded<Point>} */
export const usePoint = (id) => useGet(`/v6/RestorePoints/${id}`);

/**
 * usePoints gives the restore points of a repository, the newest first.
 * @param {string | undefined} repositoryId
 * @param {{ off?: boolean }} [options]
 * @returns {import('./data.js').Loaded<Point[]>}
 */
export const usePoints = (repositoryId, options) => useGet(repositoryId ? `/v6/RestorePoints?repositoryId=${repositoryId}` : null, options);

/**
 * useHidden gives the snapshots of a repository that are no restore points.
 * @param {string | undefined} repositoryId
 * @param {{ off?: boolean, every?: number }} [options]
 * @returns {import('./data.js').Loaded<HiddenSnapshot[]>}
 */
export const useHidden = (repositoryId, options) => useGet(repositoryId ? `/v6/BackupRepositories/${repositoryId}/HiddenSnapshots` : null, options);
