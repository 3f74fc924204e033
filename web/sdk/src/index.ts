export { type ErrorCode, HubbubError } from './errors.js';
export { Hubbub } from './hubbub.js';
export type * from './types.js';
