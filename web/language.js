// Which language the page speaks, and the one way in which words reach the page.
//
// An element remembers the key of what it says (`data-text`) and the values filled into it, so that a switch of language
// can say everything again without knowing what state the page is in.

import en from './locales/en.js';
import zh from './locales/zh.js';

const locales = { en, zh };
const htmlLanguage = { en: 'en', zh: 'zh-CN' };
const valuesOf = new WeakMap();
const listeners = [];

let current = preferred([asked(location.hash), asked(location.search), ...(navigator.languages ?? [])]);

/** The language in use: `en` or `zh`. */
export function language() {
  return current;
}

/** The words for `key` in the language in use, with `{name}` replaced by `values.name`. */
export function words(key, values = {}) {
  return locales[current][key].replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    // A function is asked anew for each language: numbers are written differently.
    return typeof value === 'function' ? value(current) : String(value ?? whole);
  });
}

/** Lets `element` say `key` now, and in every language that is chosen later. */
export function say(element, key, values = {}) {
  element.dataset.text = key;
  valuesOf.set(element, values);
  const text = words(key, values);
  // A live region would repeat a text that is written again unchanged.
  if (element.textContent !== text) element.textContent = text;
}

/** Runs `listener` now and whenever the language changes. */
export function onLanguage(listener) {
  listeners.push(listener);
  listener();
}

/**
 * Switches to `chosen`. The address remembers it, because the page keeps neither cookies nor storage: in the fragment,
 * since a query at the root of the server is a call to some vendor's API.
 */
export function choose(chosen) {
  current = chosen;
  history.replaceState(null, '', `${location.pathname}#lang=${chosen}`);
  apply();
}

/** Makes the language switch work, and writes the page's words. */
export function start() {
  for (const button of document.querySelectorAll('[data-language]')) {
    button.addEventListener('click', () => choose(button.dataset.language));
  }
  onLanguage(() => {
    for (const button of document.querySelectorAll('[data-language]')) {
      button.setAttribute('aria-pressed', String(button.dataset.language === language()));
    }
    // The pages link to each other in the language that was chosen.
    for (const link of document.querySelectorAll('a[data-page]')) link.href = `${link.dataset.page}#lang=${language()}`;
  });
  apply();
}

/** Writes every word of the page in the language in use. */
export function apply() {
  document.documentElement.lang = htmlLanguage[current];
  document.title = words(document.documentElement.dataset.title);
  for (const element of document.querySelectorAll('[data-text]')) {
    say(element, element.dataset.text, valuesOf.get(element));
  }
  for (const element of document.querySelectorAll('[data-label]')) {
    element.setAttribute('aria-label', words(element.dataset.label));
  }
  for (const listener of listeners) listener();
}

/** The language that a query or a fragment asks for by name. */
function asked(parameters) {
  return new URLSearchParams(parameters.slice(1)).get('lang');
}

/** The first of `tags` that we speak, else English. */
function preferred(tags) {
  for (const tag of tags) {
    const primary = tag?.toLowerCase().split('-')[0];
    if (primary && Object.hasOwn(locales, primary)) return primary;
  }
  return 'en';
}
