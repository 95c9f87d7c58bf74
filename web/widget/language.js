// Which language a widget speaks. Each language is one file in `locales/`, fetched when somebody needs it.

const LANGUAGES = ['en', 'zh'];

/** What may be said when not even the words could be fetched. */
export const SPEECHLESS = 'The verification could not be loaded. Please reload the page. 验证加载失败，请刷新页面。';

/** The language for `element`: its own `lang`, then that of what it stands in, then the reader's. */
export function languageOf(element) {
  const tags = [];
  for (let node = element; node; node = outer(node)) {
    const tag = node.getAttribute?.('lang');
    // An unknown language nearby says more about the reader than a known one far out, so only the nearest counts.
    if (tag) {
      tags.push(tag);
      break;
    }
  }
  for (const tag of [...tags, ...(navigator.languages ?? [])]) {
    const primary = tag.toLowerCase().split('-')[0];
    if (LANGUAGES.includes(primary)) return primary;
  }
  return LANGUAGES[0];
}

function outer(node) {
  return node.parentNode ?? node.host;
}

/** The words of one language. */
export class Words {
  #texts;

  constructor(language, texts) {
    this.language = language;
    this.#texts = texts;
  }

  /** Fetches the words of `language`. */
  static async of(language) {
    const { default: texts } = await import(`./locales/${language}.js`);
    return new Words(language, texts);
  }

  /** The words for `key`, with `{name}` replaced by `values.name`; nothing for no key. */
  say(key, values = {}) {
    const text = key ? this.#texts[key] : '';
    return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
  }
}
