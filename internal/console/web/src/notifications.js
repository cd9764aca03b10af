// Texts and requests about the channels of notifications.

/** @typedef {import('./api.js').Schemas['NotificationChannel']} Channel */

// kinds are the kinds of channels: the API's names, people's, the field of their
// settings, and the word for their secret.
/** @type {Record<string, { text: string, field: string, secret: string, help: string }>} */
export const kinds = {
  Email: { text: 'E-mail', field: 'email', secret: 'Password', help: 'The password of the user at the mail server.' },
  Webhook: { text: 'Webhook', field: 'webhook', secret: 'Key', help: 'It signs the messages, and has at least 16 bytes. The receiver checks the signature with it.' },
  Alertmanager: { text: 'Alertmanager', field: 'alertmanager', secret: 'Password or token', help: 'The password of the user, or a bearer token without a user.' },
  Chat: { text: 'Chat service', field: 'chat', secret: 'Address', help: 'In shoutrrr’s form, such as slack://…, teams://…, telegram://… or matrix://….' },
  Heartbeat: { text: 'Heartbeat', field: 'heartbeat', secret: 'Address', help: 'It is called while the checks of the repositories go well. The service behind it tells you when the calls stop.' },
};

// where says to whom a channel tells.
/** @param {Channel} c */
export function where(c) {
  switch (c.kind) {
    case 'Email': return (c.email?.to ?? []).join(', ');
    case 'Webhook': return c.webhook?.url ?? '';
    case 'Alertmanager': return c.alertmanager?.url ?? '';
    case 'Chat': return c.chat?.service ?? '';
    default: return `every ${c.heartbeat?.interval ?? ''}`;
  }
}

// lacks says what a channel does not hear of, because repositories that it is for are
// detached; '' for nothing. The channel is mute when all of them are.
/** @param {Channel} c */
export function lacks(c) {
  const gone = c.detachedRepositoryIds?.length ?? 0;
  const all = c.repositoryIds?.length ?? 0;
  if (!gone) return { mute: false, text: '' };
  if (gone === all) return { mute: true, text: 'Nobody hears of alarms through this channel: all repositories that it is for are detached. Edit it to choose others.' };
  return { mute: false, text: `${gone} of the ${all} repositories that it is for ${gone === 1 ? 'is' : 'are'} detached.` };
}

// digestText says when a channel gets a digest.
/** @param {Channel['digest']} d */
export function digestText(d) {
  if (!d) return '';
  return `${d.every === 'Weekly' ? `every ${d.weekday}` : 'daily'} at ${d.time} ${d.timeZone || 'UTC'}`;
}

// formOf is the form of a channel, or of a new one.
/** @param {Channel | undefined} c @param {string} zone */
export function formOf(c, zone) {
  return {
    kind: /** @type {string} */ (c?.kind ?? 'Email'), name: c?.name ?? '', enabled: c?.enabled ?? true, minimumSeverity: /** @type {string} */ (c?.minimumSeverity ?? 'Warning'),
    repositories: c?.repositoryIds ?? /** @type {string[]} */ ([]), some: (c?.repositoryIds?.length ?? 0) > 0, secret: '', noSecret: false,
    host: c?.email?.host ?? '', port: String(c?.email?.port ?? 587), encryption: /** @type {string} */ (c?.email?.encryption ?? 'StartTLS'),
    userName: c?.email?.userName ?? c?.alertmanager?.userName ?? '', from: c?.email?.from ?? '', to: (c?.email?.to ?? []).join(', '),
    url: c?.webhook?.url ?? c?.alertmanager?.url ?? '', interval: c?.heartbeat?.interval ?? '5m',
    subject: c?.subject ?? '', body: c?.body ?? '',
    every: /** @type {string} */ (c?.digest?.every ?? ''), time: c?.digest?.time ?? '08:00', weekday: /** @type {string} */ (c?.digest?.weekday ?? 'Monday'), timeZone: c?.digest?.timeZone ?? zone,
  };
}

const settings = {
  Email: (f) => ({ host: f.host.trim(), port: Number(f.port), encryption: f.encryption, from: f.from.trim(), to: f.to.split(/[,;\n]/).map((t) => t.trim()).filter(Boolean), ...(f.userName.trim() && { userName: f.userName.trim() }) }),
  Webhook: (f) => ({ url: f.url.trim() }),
  Alertmanager: (f) => ({ url: f.url.trim(), ...(f.userName.trim() && { userName: f.userName.trim() }) }),
  Chat: () => ({}),
  Heartbeat: (f) => ({ interval: f.interval.trim() }),
};

// bodyOf is the request that a form makes.
/** @param {ReturnType<typeof formOf>} f */
export function bodyOf(f) {
  const tells = f.kind !== 'Heartbeat';
  return {
    name: f.name.trim(), kind: f.kind, enabled: f.enabled, [kinds[f.kind].field]: settings[f.kind](f),
    ...(f.noSecret ? { secret: '' } : f.secret && { secret: f.secret }),
    ...(tells && {
      minimumSeverity: f.minimumSeverity, ...(f.some && { repositoryIds: f.repositories }),
      ...(f.kind !== 'Alertmanager' && f.subject && { subject: f.subject }), ...(f.kind !== 'Alertmanager' && f.body && { body: f.body }),
      ...(f.kind !== 'Alertmanager' && f.every && { digest: { every: f.every, time: f.time, timeZone: f.timeZone.trim(), ...(f.every === 'Weekly' && { weekday: f.weekday }) } }),
    }),
  };
}
