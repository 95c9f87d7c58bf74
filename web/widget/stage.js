// What is fetched when a challenge is about to be shown.

export { Challenge } from './challenge.js';
export { Dialog } from './dialog.js';
