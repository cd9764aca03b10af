// Numbers and times for people, in the reader's language and time zone. The
// callers show the exact value on hover.

const language = globalThis.navigator?.language || 'en';
const whole = new Intl.NumberFormat('en');

export function count(n) {
  return whole.format(n);
}

// plural returns "1 file", "2,000 files".
export function plural(n, one, many = one + 's') {
  return `${count(n)} ${n === 1 ? one : many}`;
}

// The units of restic and of the server's logs.
const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

// bytes returns a size with three significant digits at most.
export function bytes(n) {
  if (n == null) return '';
  let unit = 0;
  let x = n;
  while (Math.abs(x) >= (unit === 0 ? 1024 : 999.5) && unit < units.length - 1) {
    x /= 1024;
    unit++;
  }
  if (unit === 0) return n === 1 ? '1 byte' : `${n} bytes`;
  const digits = Math.abs(x) < 9.995 ? 2 : Math.abs(x) < 99.95 ? 1 : 0;
  return `${x.toFixed(digits)} ${units[unit]}`;
}

export function exactBytes(n) {
  return n == null ? '' : plural(n, 'byte');
}

/** @type {[string, number][]} */
const steps = [
  ['year', 365.25 * 86400],
  ['month', 30.44 * 86400],
  ['week', 7 * 86400],
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
];

// span returns a length of time in its largest unit: "3 days".
export function span(ms) {
  const seconds = Math.abs(ms) / 1000;
  for (const [name, length] of steps) {
    // Two of the next smaller unit read better than one and a half of this one.
    const at = name === 'week' || name === 'month' || name === 'year' ? 2 * length : length;
    if (seconds >= at) return plural(Math.floor(seconds / length), name);
  }
  return seconds < 1 ? 'under a second' : plural(Math.floor(seconds), 'second');
}

export function ago(time, now = Date.now()) {
  const ms = now - new Date(time).getTime();
  if (Math.abs(ms) < 45_000) return 'just now';
  return ms > 0 ? `${span(ms)} ago` : `in ${span(-ms)}`;
}

// took returns a duration with enough detail for comparing: "1 min 20 s".
export function took(ms) {
  if (ms < 0) ms = 0;
  if (ms < 950) return `${ms < 100 ? Math.round(ms) : Math.round(ms / 10) * 10} ms`;
  const s = ms / 1000;
  if (s < 59.5) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  const m = Math.floor(s / 60 + 0.001);
  if (m < 60) return `${m} min ${Math.round(s - m * 60)} s`;
  return `${Math.floor(m / 60)} h ${m % 60} min`;
}

/** @type {Intl.DateTimeFormatOptions} */
const day = { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' };
const dayAndTime = new Intl.DateTimeFormat(language, { ...day, hour: '2-digit', minute: '2-digit' });
const dayOnly = new Intl.DateTimeFormat(language, day);
const timeOnly = new Intl.DateTimeFormat(language, { timeStyle: 'medium' });
const exactly = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'long' });

export function dateTime(time) {
  return dayAndTime.format(new Date(time));
}

export function date(time) {
  return dayOnly.format(new Date(time));
}

export function clock(time) {
  return timeOnly.format(new Date(time));
}

// localDay is the day in the reader's zone, as YYYY-MM-DD.
export function localDay(time) {
  const t = new Date(time);
  const two = (n) => String(n).padStart(2, '0');
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
}

// exact is the moment in the reader's zone and in UTC.
export function exact(time) {
  const t = new Date(time);
  return `${exactly.format(t)} (${t.toISOString()})`;
}

// Characters that would turn the text around them, or hide, are shown by their
// codes.
// eslint-disable-next-line no-control-regex -- these are the ones to be shown
const invisible = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

export function visible(name) {
  return name.replace(invisible, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return '\u2421';
    return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
  });
}

// short cuts a long name in its middle, where names differ least.
export function short(name, max = 80) {
  if (name.length <= max) return name;
  const half = Math.floor((max - 1) / 2);
  return `${name.slice(0, half)}…${name.slice(-half)}`;
}

// sentence begins a message with a capital letter; the API's messages do not.
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
