export { DocProvider } from './provider.js';
export type * from './types.js';
