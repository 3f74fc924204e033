// What the address of a page says: ?doc=NAME&user=NAME&token=TOKEN&server=wss://HOST
const query = new URLSearchParams(location.search);
const folder = location.pathname.split('/').at(-2) ?? 'editor';
const name = query.get('user') || `Guest ${Math.floor(Math.random() * 900) + 100}`;

// Dark enough for white text on them, and light enough to be seen on a dark page.
const colors = ['#d03028', '#a85c00', '#5c7c00', '#00805f', '#0b74b0', '#5b67d8', '#9d4cc7', '#c73082'];
const color =
  colors[[...name].reduce((sum, char) => sum + char.charCodeAt(0), 0) % colors.length] ?? '#d03028';

/** Where the documents are: this page's own server, if no other is named. */
export const server = (query.get('server') || location.origin.replace(/^http/, 'ws')).replace(/\/+$/, '');

/** The document's name. */
export const documentName = query.get('doc') || `examples/${folder}`;

/** Who may read and write; a server that knows guests needs none. */
export const token = query.get('token') ?? '';

/** Who is writing here, as the others see them. */
export const user = { name, color, colorLight: `${color}33` };

/** The place for the editor. */
export const place = document.querySelector<HTMLElement>('.place') ?? document.body;

/** Whether dark is wanted, for editors that do not ask by themselves. */
export const dark = matchMedia('(prefers-color-scheme: dark)').matches;
