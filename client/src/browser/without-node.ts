// Bundlers for browsers get this in the place of `@keyhold/client/node`. It has the same names, so that they can be linked, and
// explains itself as soon as one of them is used.
import { KeyholdClientError } from '../keyhold-client-error.ts'

export * from '../index.ts'

function needsNode(): never {
  throw new KeyholdClientError(
    'ERR_CLIENT_NEEDS_NODE',
    '@keyhold/client/node encrypts with Node.js and was bundled for a browser. Import @keyhold/client there, where the server encrypts, or call this on your own server.',
  )
}

export {
  needsNode as auditChainStart,
  needsNode as auditHash,
  needsNode as createKeyholdClient,
  needsNode as encryptedSize,
  needsNode as KeyholdError,
  needsNode as KeyholdFileError,
  needsNode as plaintextSize,
}
