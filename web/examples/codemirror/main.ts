import { Compartment, EditorState } from '@codemirror/state';
import { EditorView, keymap } from '@codemirror/view';
import { basicSetup } from 'codemirror';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { dark, documentName, place, server, token, user } from '../shared/settings.ts';
import { showWebsocket } from '../shared/websocket.ts';

const doc = new Y.Doc();
const text = doc.getText('codemirror');
const provider = new WebsocketProvider(`${server}/yjs`, documentName, doc, {
  params: token ? { token } : {},
});
provider.awareness.setLocalStateField('user', user);

const access = new Compartment();
const view = new EditorView({
  parent: place,
  doc: text.toString(),
  extensions: [
    keymap.of(yUndoManagerKeymap), // undo takes back what was done here, and nothing of the others
    basicSetup,
    EditorView.lineWrapping,
    EditorView.darkTheme.of(dark),
    EditorView.contentAttributes.of({ 'aria-label': 'Document' }),
    yCollab(text, provider.awareness),
    access.of([]),
  ],
});

showWebsocket(provider, () => {
  view.dispatch({
    effects: access.reconfigure([EditorState.readOnly.of(true), EditorView.editable.of(false)]),
  });
});
