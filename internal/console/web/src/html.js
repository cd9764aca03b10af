// The one place where templates meet Preact.
import htm from 'htm';
import { h } from 'preact';

/** @type {(parts: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);
