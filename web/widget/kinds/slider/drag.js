// A thing that is dragged by mouse, finger or pen, by one of them at a time.

/**
 * @param {HTMLElement} element
 * @param {object} handlers
 * @param {() => boolean} handlers.mayStart
 * @param {(event: PointerEvent) => object} handlers.start gives what `move`, `end` and `takeBack` get to know of the beginning
 * @param {(from: object, across: number, down: number) => void} handlers.move distances since the beginning, in CSS pixels
 * @param {(from: object, across: number, down: number, time: number) => void} handlers.pass the same for each place that the
 *   pointer passed since the last one, which may be many between two frames; before `move`
 * @param {(from: object, event: PointerEvent) => void} handlers.end somebody let go
 * @param {(from: object) => void} handlers.takeBack nobody let go: it shall be as before
 */
export function onDrag(element, { mayStart, start, pass, move, end, takeBack }) {
  let drag = null;

  const cancel = () => {
    const { from } = drag;
    drag = null;
    takeBack(from);
  };

  element.addEventListener('pointerdown', (event) => {
    if (drag || event.button !== 0 || !mayStart()) return;
    element.setPointerCapture(event.pointerId);
    drag = { pointer: event.pointerId, x: event.clientX, y: event.clientY, from: start(event) };
  });
  element.addEventListener('pointermove', (event) => {
    if (event.pointerId !== drag?.pointer) return;
    const { from, x, y } = drag;
    for (const place of placesOf(event)) pass(from, place.clientX - x, place.clientY - y, place.timeStamp);
    move(from, event.clientX - x, event.clientY - y);
  });
  element.addEventListener('pointerup', (event) => {
    if (event.pointerId !== drag?.pointer) return;
    const { from } = drag;
    drag = null;
    end(from, event);
  });
  // The system took the pointer away (a gesture, a call), or the element left the document.
  for (const name of ['pointercancel', 'lostpointercapture']) {
    element.addEventListener(name, (event) => {
      if (event.pointerId === drag?.pointer) cancel();
    });
  }
  // The browser would give the focus to what is pressed, which is nothing that takes it.
  element.addEventListener('mousedown', (event) => event.preventDefault());

  return {
    get active() {
      return drag !== null;
    },
    cancel,
  };
}

/** Where the pointer was since the event before. Not every browser says it. */
function placesOf(event) {
  const places = event.getCoalescedEvents?.() ?? [];
  return places.length > 0 ? places : [event];
}
