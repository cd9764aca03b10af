// The one place where templates meet Preact.
import htm from 'htm';
import { h } from 'preact';

export const html = htm.bind(h);
