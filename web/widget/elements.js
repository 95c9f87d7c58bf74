// Making elements. Nothing here takes markup as text, so a page may require Trusted Types.

const SVG = 'http://www.w3.org/2000/svg';

/** An element with a class, attributes and children, not yet in the document. */
export function create(name, className, attributes = {}, children = []) {
  const element = document.createElement(name);
  if (className) element.className = className;
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

/** A line drawing of 24 by 24 that nobody is told of: whatever holds it has a name. */
export function icon(path) {
  const drawing = document.createElementNS(SVG, 'svg');
  drawing.setAttribute('viewBox', '0 0 24 24');
  drawing.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(SVG, 'path');
  line.setAttribute('d', path);
  drawing.append(line);
  return drawing;
}

/** A style sheet that a page's style-src cannot forbid: it is made of rules, not of text in the document. */
export function sheet(rules) {
  const made = new CSSStyleSheet();
  made.replaceSync(rules);
  return made;
}

/** Lets `element` say `text`. A live region would repeat a text that is written again unchanged. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
