import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What the examples take from the application around them. */
const AROUND = `
declare function fetchToken(): Promise<string>;
declare function render(messages: readonly unknown[]): void;
declare function notify(message: { text: string }): void;
declare function show(lines: string[]): void;
declare const input: HTMLInputElement;
declare const indicator: HTMLElement;
declare function useSyncExternalStore<T>(subscribe: (fn: () => void) => () => void, get: () => T): T;
`;

describe('the README', () => {
  it('has examples that compile against what is exported', () => {
    const readme = readFileSync(here('../README.md'), 'utf8');
    const blocks = [...readme.matchAll(/^```tsx?\n(.*?)^```/gms)].map((m) => m[1]);
    expect(blocks.length).toBeGreaterThanOrEqual(6);
    const source = (blocks.join('\n') + AROUND)
      .replaceAll('@hubbub-im/sdk/docs', '../src/docs/index.js')
      .replaceAll('@hubbub-im/sdk', '../src/index.js');
    const file = here('readme-examples.ts');
    const options: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
      types: ['node'],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    };
    const host = ts.createCompilerHost(options);
    const read = host.getSourceFile.bind(host);
    host.getSourceFile = (name, ...rest) =>
      name === file ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : read(name, ...rest);
    const exists = host.fileExists.bind(host);
    host.fileExists = (name) => name === file || exists(name);
    const program = ts.createProgram([file], options, host);
    const problems = ts
      .getPreEmitDiagnostics(program)
      .map((d) => ts.flattenDiagnosticMessageText(d.messageText, '\n'));
    expect(problems).toEqual([]);
  }, 120_000);
});
