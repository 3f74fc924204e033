import { editor } from 'monaco-editor/editor';
import 'monaco-editor/features/clipboard/register';
import 'monaco-editor/features/find/register';
import 'monaco-editor/features/linesOperations/register';
import 'monaco-editor/features/multicursor/register';
import 'monaco-editor/features/readOnlyMessage/register';
import 'monaco-editor/features/wordOperations/register';
import EditorWorker from 'monaco-editor/editor/editor.worker.js?worker';
import { MonacoBinding } from 'y-monaco';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { dark, documentName, place, server, token, user } from '../shared/settings.ts';
import { showWebsocket } from '../shared/websocket.ts';
import { styleCursors } from './cursors.ts';

const doc = new Y.Doc();
const text = doc.getText('monaco');
const provider = new WebsocketProvider(`${server}/yjs`, documentName, doc, {
  params: token ? { token } : {},
});
provider.awareness.setLocalStateField('user', user);

// The worker counts words and compares texts; languages would bring workers of their own.
self.MonacoEnvironment = { getWorker: () => new EditorWorker() };

const model = editor.createModel('', 'plaintext');
model.setEOL(editor.EndOfLineSequence.LF); // the same on every system, since Yjs counts characters
const monaco = editor.create(place, {
  model,
  theme: dark ? 'vs-dark' : 'vs',
  ariaLabel: 'Document',
  automaticLayout: true,
  minimap: { enabled: false },
  padding: { top: 20 }, // room for the names over cursors
  scrollBeyondLastLine: false,
  wordWrap: 'on',
});
new MonacoBinding(text, model, new Set([monaco]), provider.awareness);
styleCursors(provider.awareness);

showWebsocket(provider, () => monaco.updateOptions({ readOnly: true }));
