import Quill from 'quill';
import QuillCursors from 'quill-cursors';
import { QuillBinding } from 'y-quill';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { documentName, place, server, token, user } from '../shared/settings.ts';
import { showWebsocket } from '../shared/websocket.ts';
import 'quill/dist/quill.snow.css';

const doc = new Y.Doc();
const text = doc.getText('quill');
const provider = new WebsocketProvider(`${server}/yjs`, documentName, doc, {
  params: token ? { token } : {},
});
provider.awareness.setLocalStateField('user', user);

Quill.register('modules/cursors', QuillCursors);
const quill = new Quill(place.appendChild(document.createElement('div')), {
  theme: 'snow',
  placeholder: 'Write here',
  modules: {
    cursors: true,
    history: { userOnly: true }, // undo takes back what was done here, and nothing of the others
    toolbar: [
      [{ header: [1, 2, false] }],
      ['bold', 'italic', 'underline', 'code-block'],
      [{ list: 'ordered' }, { list: 'bullet' }],
    ],
  },
});
quill.root.role = 'textbox';
quill.root.ariaMultiLine = 'true';
quill.root.ariaLabel = 'Document';
for (const picker of place.querySelectorAll('.ql-picker-label')) picker.ariaLabel = 'Heading';
new QuillBinding(text, quill, provider.awareness);

showWebsocket(provider, () => quill.disable());
