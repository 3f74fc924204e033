import { exampleSetup } from 'prosemirror-example-setup';
import { keymap } from 'prosemirror-keymap';
import { schema } from 'prosemirror-schema-basic';
import { EditorState } from 'prosemirror-state';
import { EditorView } from 'prosemirror-view';
import { initProseMirrorDoc, redo, undo, yCursorPlugin, ySyncPlugin, yUndoPlugin } from 'y-prosemirror';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { documentName, place, server, token, user } from '../shared/settings.ts';
import { showWebsocket } from '../shared/websocket.ts';
import 'prosemirror-view/style/prosemirror.css';

const doc = new Y.Doc();
const fragment = doc.getXmlFragment('prosemirror');
const provider = new WebsocketProvider(`${server}/yjs`, documentName, doc, {
  params: token ? { token } : {},
});
provider.awareness.setLocalStateField('user', user);

const start = initProseMirrorDoc(fragment, schema);
const view = new EditorView(place, {
  attributes: { role: 'textbox', 'aria-multiline': 'true', 'aria-label': 'Document' },
  state: EditorState.create({
    doc: start.doc,
    plugins: [
      ySyncPlugin(fragment, { mapping: start.mapping }),
      yCursorPlugin(provider.awareness),
      yUndoPlugin(), // undo takes back what was done here, and nothing of the others
      keymap({ 'Mod-z': undo, 'Mod-y': redo, 'Mod-Shift-z': redo }),
      ...exampleSetup({ schema, history: false, menuBar: false }),
    ],
  }),
});

showWebsocket(provider, () => view.setProps({ editable: () => false }));
