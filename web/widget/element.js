// <countersign-challenge>: a form control whose value is a ticket.
//
// Its layouts differ in where the challenge stands: `checkbox` (a row that opens it), `embedded` (there, at once) and
// `popup` (nowhere until somebody asks, or sends the form). It is required unless it says `optional`: a form that may be
// sent without has no use for it, and the server refuses anyway.
//
// What solves a challenge is fetched on demand: at once where it is embedded, else when the page has time or somebody comes
// near. A closed row costs its own few lines.

import { create, icon, write } from './elements.js';
import { SPEECHLESS, Words, languageOf } from './language.js';
import { look } from './look.js';

const FIELD = 'countersign-ticket';
const LAYOUTS = ['checkbox', 'embedded', 'popup'];
const TICK = 'M5 12.5l4.5 4.5L19 7.5';
const MARK = 'M20.5 10.3A8.6 8.6 0 1 1 15.4 4M7.9 12l3.4 3.4L20.6 5.3';

// Long enough to see that it was right.
const DONE_SHOWN_MS = 700;

export class CountersignChallenge extends HTMLElement {
  static formAssociated = true;
  static observedAttributes = ['contact', 'lang', 'layout', 'name', 'optional'];

  #internals = this.attachInternals();
  // The focus that a form gives to what is missing goes on to what can take it.
  #root = this.attachShadow({ mode: 'open', delegatesFocus: true });
  #ready = null;
  #words = null;
  #challenge = null;
  #dialog = null;
  #frame = null;
  #row = null;
  #staged = false;
  #attending = null;
  #ticket = null;
  #timer;
  #lapsed = false;
  #note = null;
  #said = ['', {}];
  #waiting = null;
  #form = null;
  #disabled = false;

  /** Another door of the server than the native one, `{ path, page }`: `drawChallenge` says how. For coats of other vendors. */
  door = null;

  constructor() {
    super();
    // A press on nothing in particular would give the focus to the first thing that takes it.
    this.#root.addEventListener('mousedown', (event) => {
      if (!event.target.closest('button, input')) event.preventDefault();
    });
  }

  /** The ticket, or null while there is none that counts. */
  get response() {
    return this.#ticket?.ticket ?? null;
  }

  /** `idle`, `loading`, `ready`, `checking`, `failed`, `solved` or `expired`. */
  get state() {
    if (this.#ticket) return 'solved';
    const state = this.#challenge?.state ?? 'idle';
    return this.#lapsed && state === 'idle' ? 'expired' : state;
  }

  get layout() {
    const layout = this.getAttribute('layout');
    return LAYOUTS.includes(layout) ? layout : LAYOUTS[0];
  }

  get form() {
    return this.#internals.form;
  }

  get validity() {
    return this.#internals.validity;
  }

  get validationMessage() {
    return this.#internals.validationMessage;
  }

  get willValidate() {
    return this.#internals.willValidate;
  }

  checkValidity() {
    return this.#internals.checkValidity();
  }

  reportValidity() {
    return this.#internals.reportValidity();
  }

  /** Forgets the ticket and whatever was under way. An embedded challenge is drawn anew. */
  reset() {
    this.#lapsed = false;
    this.#forget();
    this.#say('');
    this.#dialog?.close();
    this.#begin();
  }

  /**
   * Opens the challenge, or brings it into view, and gives the ticket; null when it is closed instead. With a ticket at hand
   * nothing opens.
   */
  async execute() {
    if (this.#ticket) return this.response;
    this.#waiting ??= deferred();
    const { promise } = this.#waiting;
    await this.#ready;
    if (!this.#words) this.#settle(null);
    else if (this.layout === 'embedded') this.focus();
    else this.#open();
    return promise;
  }

  connectedCallback() {
    this.#attending = new AbortController();
    const { signal } = this.#attending;
    const speaking = this.#speak();
    this.#ready ??= speaking;
    // Somewhere above, the page may change its language.
    const observer = new MutationObserver(() => this.#speak());
    observer.observe(document, { subtree: true, attributeFilter: ['lang'] });
    signal.addEventListener('abort', () => observer.disconnect());
    document.addEventListener('visibilitychange', () => this.#watchTicket(), { signal });
    this.#challenge?.attend(signal);
    this.#watchTicket();
    if (this.#frame && !this.#ticket) this.#begin();
  }

  disconnectedCallback() {
    this.#attending?.abort();
    clearTimeout(this.#timer);
    this.#dialog?.close();
    // What is under way would come to an end that nobody sees.
    if (!this.#ticket) this.#challenge?.stop();
    this.#settle(null);
  }

  attributeChangedCallback(name, before, now) {
    if (!this.isConnected) return;
    // What was drawn or earned for one contact is worth nothing for another.
    if (name === 'contact' && before !== now) this.reset();
    if (name === 'layout' && this.#frame && this.#frame.dataset.layout !== this.layout) this.#lay();
    if (name === 'lang') this.#speak();
    this.#submit();
  }

  formAssociatedCallback(form) {
    this.#form?.removeEventListener('submit', this.#beforeSubmit, { capture: true });
    this.#form = form;
    form?.addEventListener('submit', this.#beforeSubmit, { capture: true });
  }

  formResetCallback() {
    this.reset();
  }

  formDisabledCallback(disabled) {
    this.#disabled = disabled;
    this.#show();
  }

  // A popup has nothing that the browser could point at, so it never says that it is invalid: it opens when the form is
  // sent, after everything else is valid, and sends it on.
  #beforeSubmit = (event) => {
    if (this.layout !== 'popup' || this.#ticket || this.hasAttribute('optional') || this.#disabled) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { submitter } = event;
    const form = this.#form;
    this.execute().then((ticket) => {
      if (ticket && form.isConnected) form.requestSubmit(submitter?.isConnected ? submitter : null);
    });
  };

  /** Fetches the words of the language that holds here, and says everything in it. */
  async #speak() {
    const language = languageOf(this);
    if (this.#words?.language === language) return;
    let words;
    try {
      words = await Words.of(language);
    } catch {
      if (!this.#words) this.#beSpeechless();
      return;
    }
    // Another may have been chosen in the meantime.
    if (language !== languageOf(this)) return;
    const first = !this.#words;
    this.#words = words;
    if (!first) this.#sayAll();
    else this.#lay();
  }

  #beSpeechless() {
    this.#root.adoptedStyleSheets = [look];
    this.#root.replaceChildren(create('p', 'speechless', { role: 'alert' }, [SPEECHLESS]));
    this.#tell('error', { reason: 'script', message: SPEECHLESS });
    this.#submit();
  }

  /** Builds the layout: what is seen before there is a challenge. */
  #lay() {
    const { layout } = this;
    this.#dialog?.close();
    this.#dialog?.closer.remove();
    this.#dialog = null;
    this.#row = layout === 'checkbox' ? this.#makeRow() : null;
    this.#note = create('p', 'note', { role: 'status' });
    this.#frame = create('div', 'frame', { 'data-layout': layout, part: 'frame' });
    if (this.#row) this.#frame.append(this.#row.element);
    this.#frame.append(this.#note);
    this.#root.adoptedStyleSheets = [look, ...this.#root.adoptedStyleSheets.filter((sheet) => sheet !== look)];
    this.#root.replaceChildren(this.#frame);
    this.#staged = false;
    this.#sayAll();
    if (!this.#ticket) this.#begin();
    if (layout !== 'embedded') whenIdle(() => this.#stage().catch(() => {}));
  }

  #makeRow() {
    const box = create('span', 'box', {}, [icon(TICK)]);
    const label = create('span', 'label');
    const mark = create('span', 'mark', {}, [icon(MARK)]);
    const element = create('button', 'row', { type: 'button', role: 'checkbox', 'aria-checked': 'false', part: 'row' }, [
      box,
      label,
      mark,
    ]);
    element.addEventListener('click', () => {
      if (!this.#ticket) this.#open();
    });
    // Whoever comes near is about to need it.
    for (const name of ['pointerenter', 'focus']) {
      element.addEventListener(name, () => this.#stage().catch(() => {}), { once: true });
    }
    return { element, label };
  }

  /** Fetches what shows a challenge, once, and puts it where the layout has its place for it. */
  async #stage() {
    const { Challenge, Dialog } = await import('./stage.js');
    if (!this.#challenge) {
      this.#challenge = this.#makeChallenge(Challenge);
      Challenge.prepare();
    }
    if (this.#staged) return;
    this.#staged = true;
    const { element, tools } = this.#challenge;
    if (this.layout === 'embedded') {
      element.setAttribute('role', 'group');
      element.setAttribute('aria-labelledby', 'title');
      this.#frame.prepend(element);
    } else {
      element.removeAttribute('role');
      element.removeAttribute('aria-labelledby');
      this.#dialog = new Dialog({ content: element, tools, anchor: this.#row?.element ?? null });
      this.#dialog.addEventListener('opened', () => this.#tell('opened'));
      this.#dialog.addEventListener('closed', () => {
        this.#challenge.rest();
        this.#tell('closed');
        this.#settle(null);
      });
      this.#frame.append(this.#dialog.element);
    }
    this.#sayAll();
  }

  #makeChallenge(Challenge) {
    const challenge = new Challenge({
      words: this.#words,
      options: () => ({
        door: this.door,
        siteKey: this.getAttribute('site-key') ?? '',
        action: this.getAttribute('action'),
        contact: this.getAttribute('contact'),
      }),
      adopt: (sheet) => this.#root.adoptedStyleSheets.push(sheet),
    });
    challenge.addEventListener('state', () => this.#show());
    challenge.addEventListener('renew', () => {
      if (this.layout === 'embedded') this.reset();
    });
    challenge.addEventListener('drawn', ({ detail }) => this.#tell('drawn', detail));
    challenge.addEventListener('solved', ({ detail }) => this.#accept(detail));
    challenge.addEventListener('failed', ({ detail }) => this.#tell('failed', detail));
    challenge.addEventListener('error', ({ detail }) => this.#tell('error', detail));
    if (!this.#attending.signal.aborted) challenge.attend(this.#attending.signal);
    return challenge;
  }

  async #open() {
    if (this.#dialog?.open || this.#disabled) return;
    if (!(await this.#isStaged()) || !this.isConnected || this.#dialog.open) return;
    this.#lapsed = false;
    this.#say('');
    this.#dialog.show();
    this.#challenge.wake();
    this.#show();
  }

  /** Whether a challenge can be shown. What is missing is said. */
  async #isStaged() {
    try {
      await this.#stage();
      return true;
    } catch {
      this.#say('script');
      this.#tell('error', { reason: 'script', message: this.#words.say('script') });
      this.#settle(null);
      return false;
    }
  }

  /** What a layout does before anybody touches it. */
  async #begin(sentence = '') {
    this.#submit();
    if (this.layout !== 'embedded' || !this.isConnected) this.#challenge?.stop();
    else if ((await this.#isStaged()) && !this.#ticket) this.#challenge.load(sentence, sentence || 'loading');
  }

  #accept({ granted, milliseconds, lapsesAt, answer }) {
    const { ticket, expires_in_ms: expiresIn } = granted;
    this.#ticket = { ticket, lapsesAt };
    this.#lapsed = false;
    this.#submit();
    this.#watchTicket();
    this.#tell('solved', { ticket, expiresIn, answer, granted, milliseconds });
    this.#settle(this.response);
    if (!this.#dialog || this.hasAttribute('keep-open')) return;
    const dialog = this.#dialog;
    setTimeout(() => {
      if (this.#ticket) dialog.close();
    }, DONE_SHOWN_MS);
  }

  #watchTicket() {
    clearTimeout(this.#timer);
    if (!this.#ticket) return;
    const left = this.#ticket.lapsesAt - performance.now();
    if (left > 0) this.#timer = setTimeout(() => this.#watchTicket(), Math.ceil(Math.min(left, 2 ** 31 - 1)));
    else this.#lapse();
  }

  #lapse() {
    this.#forget();
    this.#lapsed = true;
    if (this.layout === 'embedded') this.#begin('lapsed');
    else {
      this.#say('lapsed');
      this.#challenge?.stop();
    }
    this.#tell('expired');
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#ticket = null;
    this.#submit();
    this.#settle(null);
  }

  /** Tells the form what it sends, and whether it may be sent. */
  #submit() {
    const data = new FormData();
    if (this.#ticket) data.append(this.getAttribute('name') || FIELD, this.response);
    this.#internals.setFormValue(this.#ticket ? data : null);
    const missing = !this.#ticket && !this.hasAttribute('optional') && this.layout !== 'popup';
    const message = this.#words?.say('required') ?? SPEECHLESS;
    const anchor = this.#row?.element ?? this.#root.firstElementChild ?? undefined;
    this.#internals.setValidity(missing ? { valueMissing: true } : {}, missing ? message : '', anchor);
    this.#show();
  }

  /** Brings what is seen in line with what is. */
  #show() {
    const frame = this.#frame;
    if (!frame) return;
    const { state } = this;
    frame.dataset.state = state;
    frame.toggleAttribute('data-disabled', this.#disabled);
    if (this.#row) {
      this.#row.element.setAttribute('aria-checked', String(Boolean(this.#ticket)));
      this.#row.element.setAttribute('aria-disabled', String(this.#disabled));
      if (this.#ticket) this.#say('verified');
      else if (this.#said[0] === 'verified') this.#say('');
    }
    // The dialog held the focus until there was something to solve.
    const { activeElement } = this.#root;
    if (this.#dialog?.open && activeElement === this.#dialog.element && ['ready', 'failed'].includes(state)) {
      queueMicrotask(() => this.#challenge.focus());
    }
  }

  #say(key, values = {}) {
    this.#said = [key, values];
    if (this.#note) write(this.#note, this.#words.say(key, values));
  }

  #sayAll() {
    const words = this.#words;
    this.#frame.lang = words.language === 'zh' ? 'zh-CN' : words.language;
    this.#challenge?.setWords(words);
    if (this.#row) this.#row.label.textContent = words.say('label');
    if (this.#dialog) {
      this.#dialog.closer.setAttribute('aria-label', words.say('close'));
      this.#dialog.closer.title = words.say('close');
    }
    this.#say(...this.#said);
    this.#submit();
  }

  #settle(ticket) {
    this.#waiting?.resolve(ticket);
    this.#waiting = null;
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`countersign-${name}`, { detail, bubbles: true, composed: true }));
  }
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve) => (made.resolve = resolve));
  return made;
}

/** Runs `work` when the page has nothing better to do. */
function whenIdle(work) {
  if (window.requestIdleCallback) requestIdleCallback(work, { timeout: 2_000 });
  else setTimeout(work, 200);
}
