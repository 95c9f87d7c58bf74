// Tencent's newer CAPTCHA in a page: `TencentCaptcha`, as its `TCaptcha.js` and `TJCaptcha.js` define it, over our own
// widget. The folder that this file comes from is the server that it asks.
//
// A classic script, since that is how pages load it. Loading it twice is harmless: the first to come stays.

(() => {
  const BASE = new URL('.', document.currentScript.src).href;
  const BOUND = 'TencentCaptcha';
  const SOURCE = Symbol.for('countersign.tencent.source');
  if (window.TencentCaptcha?.[SOURCE] === BASE) return;

  // As long as the widget itself waits for an answer.
  const PATIENCE_MS = 15_000;
  const TRIES = 3;

  // What the vendor documents. Other numbers of its list tell of parts that there are none of here.
  const ERRORS = {
    late: [1003, 'frame_jsload_timeout'],
    missing: [1004, 'frame_jsload_error'],
    unreachable: [1006, 'get_captcha_config_request_error'],
    incomplete: [1010, 'slide_jsload_error'],
    redrawing: [1012, 'refresh_error'],
    verifying: [1013, 'verify_error'],
  };
  // Reasons to say that the server could not be asked. Any other is its answer, and the person's to read.
  const LOST = ['offline', 'unreachable', 'busy', 'policy', 'script', 'unexpected'];

  class TencentCaptcha {
    static [SOURCE] = BASE;

    #trigger;
    #appId;
    #callback;
    #options;
    #element = null;
    #ticket = '';
    #turn = null;
    #shown = (event) => {
      // A button of a form would send it: the page does so itself, with the ticket.
      event.preventDefault();
      this.show();
    };

    /** `(appId, callback, options)`, `(element)` or `(element, appId, callback, options)`. A click on the element shows it. */
    constructor(...given) {
      this.#trigger = given[0] instanceof Element ? given.shift() : null;
      const { appid, cbfn, bizState } = this.#trigger?.dataset ?? {};
      // The function that the page names may come to be after this.
      const [appId = appid, callback = cbfn && ((result) => window[cbfn](result)), options] = given;
      if (!/^\d+$/.test(appId)) throw new TypeError(`TencentCaptcha: ${appId} is no CaptchaAppId`);
      if (typeof callback !== 'function') throw new TypeError('TencentCaptcha: there is no callback');
      this.#appId = String(appId);
      this.#callback = callback;
      this.#options = { bizState, ...options };
      this.#trigger?.addEventListener('click', this.#shown);
      arriving().catch(() => {});
    }

    show() {
      if (this.#turn) return;
      this.#turn = { id: sid(), drawnAt: 0, failures: 0, result: null };
      this.#ticket = '';
      this.#open(this.#turn);
    }

    destroy() {
      this.#turn = null;
      this.#element?.remove();
      this.#element = null;
      this.#trigger?.removeEventListener('click', this.#shown);
    }

    getTicket() {
      return { CaptchaAppId: this.#appId, ticket: this.#ticket };
    }

    async #open(turn) {
      let widget;
      try {
        widget = await arriving();
      } catch (failure) {
        if (turn === this.#turn) this.#fail(failure.late ? ERRORS.late : ERRORS.missing);
        return;
      }
      if (turn !== this.#turn) return;
      this.#element?.remove();
      this.#element = this.#render(widget, turn);
      this.#element.execute();
    }

    #render({ render }, turn) {
      const { userLanguage, enableDarkMode } = this.#options;
      const during = (handle) => (detail) => {
        if (turn === this.#turn) handle(detail);
      };
      return render(document.body, {
        door: { path: 'tencent/challenges', page: { app_id: Number(this.#appId) } },
        layout: 'popup',
        language: userLanguage,
        theme: themeOf(enableDarkMode),
        // It stands in no form, and asks none to wait.
        optional: true,
        onDrawn: during(() => this.#drawn(turn)),
        onSolved: during((detail) => this.#solved(turn, detail)),
        onError: during((detail) => this.#lose(turn, detail)),
        // Not before: what a page does next may want the focus, which an open dialog keeps.
        onClosed: during(() => this.#end(turn.result ?? { ret: 2, ticket: null, randstr: '' })),
      });
    }

    #drawn(turn) {
      turn.failures = 0;
      if (turn.drawnAt) return;
      turn.drawnAt = performance.now();
      const { ready } = this.#options;
      if (typeof ready !== 'function') return;
      // Once what it says to the picture stands there, too.
      requestAnimationFrame(() => {
        if (turn !== this.#turn) return;
        const { width, height } = this.#element.shadowRoot.querySelector('dialog').getBoundingClientRect();
        ready({ sdkView: { width: Math.round(width), height: Math.round(height) } });
      });
    }

    #solved(turn, { granted: { ticket, randstr }, milliseconds }) {
      this.#ticket = ticket;
      const actionDuration = Math.round(performance.now() - turn.drawnAt);
      turn.result = { ret: 0, ticket, randstr, verifyDuration: Math.round(milliseconds), actionDuration };
    }

    /** The server could not be asked: at once if there is nothing to solve yet, else after as many tries as the vendor's. */
    #lose(turn, { reason, during }) {
      if (!LOST.includes(reason)) return;
      turn.failures += 1;
      if (!turn.drawnAt) this.#fail(reason === 'script' ? ERRORS.incomplete : ERRORS.unreachable);
      else if (turn.failures >= TRIES) this.#fail(during === 'answer' ? ERRORS.verifying : ERRORS.redrawing);
    }

    /** A ticket that says that there is none, so that a site can decide to go on without. The server refuses it, always. */
    #fail([errorCode, errorMessage]) {
      const ticket = `terror_${errorCode}_${this.#appId}_${Math.floor(Date.now() / 1_000)}`;
      this.#end({ ret: 0, ticket, randstr: `@${sid().slice(0, 11)}`, errorCode, errorMessage });
    }

    #end(result) {
      const { id } = this.#turn;
      this.#turn = null;
      this.#element?.remove();
      this.#element = null;
      const { bizState } = this.#options;
      const told = { ...result, CaptchaAppId: this.#appId, appid: this.#appId, bizState, sid: id };
      // When we are done: what the page throws is its own, and it may show us again.
      queueMicrotask(() => this.#callback(told));
    }
  }

  let arrival = null;

  /** The widget's module, asked for once, and again after it did not come. */
  function arriving() {
    arrival ??= new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(Object.assign(new Error('the widget is late'), { late: true })), PATIENCE_MS);
      import(`${BASE}widget/countersign.js`).then(resolve, reject).finally(() => clearTimeout(timer));
    }).catch((failure) => {
      arrival = null;
      throw failure;
    });
    return arrival;
  }

  /** Dark as the reader's system is, dark whatever it is, or as the page says of itself. */
  function themeOf(enableDarkMode) {
    if (enableDarkMode === 'force') return 'dark';
    if (enableDarkMode === true) return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
    return undefined;
  }

  /** Names one showing in the page's own notes; nobody here knows it. */
  function sid() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  window.TencentCaptcha = TencentCaptcha;

  /** What the page marked is bound without a word from it. */
  function bind() {
    const element = document.getElementById(BOUND);
    if (element?.dataset.appid) new TencentCaptcha(element);
  }
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', bind);
  else bind();
})();
