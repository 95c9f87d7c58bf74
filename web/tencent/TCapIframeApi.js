// Tencent's CAPTCHA 2.0 in a page: the names that its `TCapIframeApi.js` gave to pages, over our own widget. The server
// writes the settings into each copy that it hands out, and hands each out once.
//
// A classic script, since that is how pages load it. The widget is fetched as soon as this runs; what is asked before it has
// arrived is done when it has.

(() => {
  const { base, session, clientType, language } = /*SETTINGS*/null;

  const LAYOUTS = { point: 'checkbox', embed: 'embedded', popup: 'popup' };
  // On phones the vendor's opens over the page: `type` is an option of its desktop's. A page that names one gets it here.
  const DESKTOP = 2;
  // A popup that is positioned in the page's flow stands there; any other lies over the page.
  const IN_FLOW = ['static', 'relative'];
  // Who asks for traditional Chinese (1028) gets the Chinese that there is.
  const LANGUAGES = { 2052: 'zh', 1028: 'zh', 1033: 'en' };
  const MISSING = {
    zh: '验证加载失败，请刷新页面。',
    en: 'The verification could not be loaded. Please reload the page.',
  };
  // What a colour has to be legible on, and how legible.
  const SURFACES = ['#ffffff', '#181d1a'];
  const CONTRAST = 4.5;
  const UNSOLVED = { ret: 1, ticket: '', randstr: '' };
  // Long enough to read that it was right, before the next picture comes.
  const REFRESH_MS = 2_000;
  // There is one at a time in a page, whichever copy of this script made it.
  const LIVE = Symbol.for('countersign.tencent.live');

  const arriving = import(`${base}widget/countersign.js`);
  arriving.catch(() => {});

  class Cap {
    #place;
    #options;
    #callback;
    #layout;
    #language;
    #element = null;
    #notice = null;
    #solved = null;
    #running = false;
    #reopening = false;
    #timer;
    #destroyed = false;

    constructor(place, options, callback) {
      this.#place = place;
      this.#options = options;
      this.#callback = callback;
      const { type, pos, lang } = options;
      const wanted = LAYOUTS[type] ?? (clientType === DESKTOP ? LAYOUTS.point : LAYOUTS.popup);
      this.#layout = wanted === LAYOUTS.popup && IN_FLOW.includes(pos) ? LAYOUTS.embed : wanted;
      this.#language = LANGUAGES[lang] ?? LANGUAGES[language] ?? LANGUAGES[2052];
      this.#appear();
    }

    getTicket() {
      const solved = this.#solved;
      return solved && performance.now() < solved.lapsesAt ? solved.result : UNSOLVED;
    }

    /** Asks for another challenge: opened, where it opened by itself. */
    refresh() {
      this.#solved = null;
      clearTimeout(this.#timer);
      if (!this.#element || this.#destroyed) return;
      // Pages empty the place between two challenges.
      if (!this.#element.isConnected) this.#place.append(this.#element);
      const reopens = this.#layout === LAYOUTS.popup;
      // What closes now opens again: nobody has closed it.
      this.#reopening = reopens;
      this.#element.reset();
      if (reopens) this.#element.execute();
    }

    listen(callback) {
      this.#callback = callback;
    }

    destroy() {
      this.#destroyed = true;
      this.#solved = null;
      clearTimeout(this.#timer);
      this.#element?.remove();
      this.#notice?.remove();
    }

    async #appear() {
      let widget;
      try {
        widget = await arriving;
      } catch (failure) {
        if (!this.#destroyed) this.#despair(failure);
        return;
      }
      if (this.#destroyed) return;
      this.#element = widget.render(this.#place, {
        door: { path: 'tencent/challenges', page: { session } },
        layout: this.#layout,
        language: this.#language,
        // The vendor's places are 300 pixels wide, and no higher than they must be.
        compact: true,
        keepOpen: this.#options.keepOpen === true,
        // The page sends the ticket itself: a form around it is none of ours.
        optional: true,
        onDrawn: () => {
          if (this.#layout === LAYOUTS.embed) this.#begin();
        },
        onOpened: () => {
          this.#reopening = false;
          this.#begin();
        },
        onSolved: (detail) => this.#accept(detail),
        onError: ({ reason, during }) => {
          // Any other the person can try again. A part of the widget that is missing during nothing leaves nobody to try.
          const isLost = reason === 'script' && !during;
          if (reason !== 'session' && !isLost) return;
          this.#reopening = false;
          this.#begin();
          this.#end(UNSOLVED);
        },
        // Not before: what a page does next may want the focus, which an open dialog keeps.
        onClosed: () => {
          if (!this.#reopening) this.#end(this.getTicket());
        },
      });
      dress(this.#element, this.#options);
      if (this.#layout === LAYOUTS.popup) this.#element.execute();
    }

    #begin() {
      if (this.#running) return;
      this.#running = true;
      call(this.#options.start);
    }

    #accept({ expiresIn, granted: { ticket, randstr } }) {
      const result = { ret: 0, ticket, randstr };
      this.#solved = { result, lapsesAt: performance.now() + expiresIn };
      const { keepOpen } = this.#options;
      if (this.#layout === LAYOUTS.embed || keepOpen) this.#end(result);
      if (this.#layout === LAYOUTS.embed && !keepOpen) this.#timer = setTimeout(() => this.#element.reset(), REFRESH_MS);
    }

    /** Tells the page what came of it, once. */
    #end(result) {
      if (!this.#running || this.#destroyed) return;
      this.#running = false;
      call(this.#options.end);
      call(this.#callback, result);
    }

    #despair(failure) {
      console.error('capInit: the widget could not be loaded.', failure);
      const notice = document.createElement('p');
      notice.setAttribute('role', 'alert');
      notice.lang = this.#language === 'zh' ? 'zh-CN' : this.#language;
      notice.textContent = MISSING[this.#language];
      this.#place.append(notice);
      this.#notice = notice;
      this.#begin();
      this.#end(UNSOLVED);
    }
  }

  /** Calls back into the page when we are done: what it throws is its own, and it may call us again. */
  function call(callback, ...given) {
    if (typeof callback === 'function') queueMicrotask(() => callback(...given));
  }

  /** Colours and sizes that the page asks for. */
  function dress({ style }, { themeColor, showHeader, fwidth, top, left }) {
    const accents = typeof themeColor === 'string' ? readable(themeColor) : null;
    if (accents) {
      const [light, dark] = accents;
      const both = (onLight, onDark) => (CSS.supports('color', 'light-dark(red, red)') ? `light-dark(${onLight}, ${onDark})` : onLight);
      style.setProperty('--countersign-accent', both(light, dark));
      style.setProperty('--countersign-on-accent', both(...SURFACES));
      style.setProperty('--countersign-accent-soft', both(`${light}33`, `${dark}4d`));
    }
    if (showHeader === false && clientType !== DESKTOP) style.setProperty('--countersign-title', 'hidden');
    const width = Number.parseFloat(fwidth);
    if (width > 0) {
      style.setProperty('--countersign-width', `${width}px`);
      style.setProperty('--countersign-dialog-width', `${width}px`);
    }
    const [down, across] = [top, left].map((each) => (Number.parseFloat(each) >= 0 ? `${Number.parseFloat(each)}px` : 'auto'));
    style.setProperty('--countersign-dialog-margin', `${down} auto auto ${across}`);
  }

  /** `colour` as it is legible on the light and on the dark surface; null if it is none. Pages may ask for any colour. */
  function readable(colour) {
    const digits = /^#?([0-9a-f]{6})$/i.exec(colour)?.[1] ?? /^#?([0-9a-f]{3})$/i.exec(colour)?.[1].replace(/./g, '$&$&');
    if (!digits) return null;
    const asked = channels(digits);
    return SURFACES.map((surface, index) => {
      const end = index === 0 ? 0 : 255;
      const ground = luminance(channels(surface.slice(1)));
      for (let share = 0; ; share += 0.05) {
        const mixed = asked.map((channel) => Math.round(channel + (end - channel) * Math.min(share, 1)));
        const [dim, bright] = [luminance(mixed), ground].sort((a, b) => a - b);
        if ((bright + 0.05) / (dim + 0.05) >= CONTRAST) return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
      }
    });
  }

  function channels(digits) {
    return [0, 2, 4].map((start) => Number.parseInt(digits.slice(start, start + 2), 16));
  }

  /** As WCAG 2.2 defines it. */
  function luminance(colour) {
    const [red, green, blue] = colour.map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  /** `(element, options)`, and as old pages call it: with the callback second or third. */
  function made(place, second, third) {
    if (!(place instanceof Element)) {
      console.error('capInit: its first argument must be an element of the page. There is no such element:', place);
      return null;
    }
    const options = (typeof second === 'function' ? third : second) ?? {};
    const callback = [second, options.callback, third].find((each) => typeof each === 'function');
    return new Cap(place, options, callback);
  }

  const names = {
    capInit(place, second, third) {
      window[LIVE]?.destroy();
      window[LIVE] = made(place, second, third);
    },
    capGetTicket: () => ({ ...(window[LIVE]?.getTicket() ?? UNSOLVED) }),
    capRefresh: () => window[LIVE]?.refresh(),
    capDestroy() {
      window[LIVE]?.destroy();
      window[LIVE] = null;
    },
  };

  Object.assign(window, names);
  // Beside the four, the desktop's script had a way to make several.
  if (clientType === DESKTOP) window.CapObj = made;
  const { define } = window;
  if (typeof define === 'function' && (define.amd || define.cmd)) define(() => names);
})();
