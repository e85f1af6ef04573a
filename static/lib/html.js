// The one door to the vendored libraries: whoever replaces one of them edits this file.
import htm from 'htm';
import { h } from 'preact';

/** Tagged template that builds elements. It never parses markup from data. */
export const html = /** @type {(strings: TemplateStringsArray, ...values: any[]) => import('preact').VNode} */ (
  htm.bind(h)
);

export { Component, render } from 'preact';
export { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
export { batch, computed, effect, signal, untracked } from '@preact/signals';
