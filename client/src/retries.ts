// The SDK's rule for sending a call again, for the command line. It is no part of the published package.
export { mayRepeat } from './may-repeat.ts'
export { withRetries, type Retries } from './with-retries.ts'
