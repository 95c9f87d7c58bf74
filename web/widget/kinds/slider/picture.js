// The two pictures of a slider: from base64 to bitmaps, and onto a canvas.

/** A challenge's pictures, decoded. Sizes are in pixels of the pictures, whatever the size on screen. */
export class SliderPicture {
  #background;
  #piece;

  constructor(view, background, piece) {
    this.width = view.width;
    this.height = view.height;
    this.pieceWidth = view.piece.width;
    this.pieceHeight = view.piece.height;
    this.#background = background;
    this.#piece = piece;
  }

  /** Decodes `view`, the part of a challenge that is to be shown. */
  static async decode(view) {
    const [background, piece] = await Promise.all([bitmap(view.background), bitmap(view.piece)]);
    return new SliderPicture(view, background, piece);
  }

  /** Paints the picture with the piece's top left corner at `x` and `y`, as sharp as the screen can show it. */
  paint(canvas, { x, y }) {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round((width * this.height) / this.width);
    if (width === 0) return;
    // Setting a size clears the canvas and costs an allocation, so only when it changed.
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext('2d');
    const scale = width / this.width;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#background, 0, 0, width, height);
    context.drawImage(this.#piece, x * scale, y * scale, this.pieceWidth * scale, this.pieceHeight * scale);
  }

  /** Gives the memory back at once instead of whenever it is collected. */
  close() {
    this.#background.close();
    this.#piece.close();
  }
}

// A Blob needs no address, so this works where a policy forbids `data:`, `blob:` and any other picture.
function bitmap(picture) {
  const bytes = Uint8Array.from(atob(picture.data), (character) => character.charCodeAt(0));
  return createImageBitmap(new Blob([bytes], { type: picture.media_type }));
}
