// Pictures of every family and level, at the size in which challenges show them, each with its answer behind a button: how
// many do you see at first sight?

import { SliderPicture } from '/widget/kinds/slider/picture.js';
import { samplePicture } from './calls.js';
import { language, onLanguage, say, start, words } from './language.js';

const AT_ONCE = 10;

const choices = document.querySelector('#choices');
const pictures = document.querySelector('#pictures');
const trouble = document.querySelector('#trouble');
const more = document.querySelector('#more');

// What is chosen while pictures are on their way makes them late.
let chosen = 0;

choices.addEventListener('change', startOver);
choices.addEventListener('submit', (event) => event.preventDefault());
more.addEventListener('click', add);
start();
onLanguage(nameAll);
startOver();

function startOver() {
  chosen += 1;
  pictures.replaceChildren();
  add();
}

async function add() {
  const asked = chosen;
  const query = new FormData(choices);
  more.disabled = true;
  say(trouble, 'statusNothing');
  try {
    for (let number = 0; number < AT_ONCE; number += 1) {
      const sample = await samplePicture(query, language());
      const picture = await SliderPicture.decode(sample.view);
      if (asked !== chosen) return;
      show(picture, sample.answer);
    }
  } catch {
    if (asked === chosen) say(trouble, 'legibilityFailed');
  }
  if (asked === chosen) more.disabled = false;
}

function show(picture, answer) {
  const canvas = document.createElement('canvas');
  canvas.setAttribute('role', 'img');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button';
  const item = document.createElement('li');
  item.className = 'picture';
  item.append(canvas, button);
  pictures.append(item);
  nameAll();

  // Beside the picture the piece is not seen.
  const aside = { x: picture.width, y: 0 };
  let shown = false;
  const paint = () => {
    picture.paint(canvas, shown ? answer : aside);
    say(button, shown ? 'legibilityHide' : 'legibilityShow');
    button.setAttribute('aria-pressed', String(shown));
  };
  button.addEventListener('click', () => {
    shown = !shown;
    paint();
  });
  paint();
}

/** Pictures are told apart by their numbers. */
function nameAll() {
  for (const [index, canvas] of [...pictures.querySelectorAll('canvas')].entries()) {
    canvas.setAttribute('aria-label', words('legibilityPicture', { number: index + 1 }));
  }
}
