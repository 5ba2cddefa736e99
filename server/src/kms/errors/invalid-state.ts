// Tells apart what AWS KMS says with one exception, KMSInvalidStateException: states of the key, and every failure of a custom
// key store. Only the message tells. The sentences about external key stores are fixed by AWS's specification of XKS proxies
// (version 1, "Errors"); nothing that a proxy says itself is in them, so that a customer's proxy cannot choose the words.
import type { ErrorCode } from '@keyhold/core'

const states: readonly [words: RegExp, code: ErrorCode][] = [
  [/ is pending (replica )?deletion\.?$/i, 'ERR_KMS_KEY_PENDING_DELETION'],
  [/ is pending import\.?$/i, 'ERR_KMS_KEY_PENDING_IMPORT'],
  // A key whose custom key store is not connected.
  [/ is unavailable\.?$/i, 'ERR_KMS_KEY_STORE_UNREACHABLE'],
  [/^This KMS key is in a custom key store that is not connected/i, 'ERR_KMS_KEY_STORE_UNREACHABLE'],
]

const proxyRejected = 'The external key store proxy rejected the request because'
const externalKey = 'The external key associated with this KMS key in an external key store'

/** Each begins one sentence of the specification, as far as it is needed to tell them apart. */
const storeSentences: readonly [beginning: string, code: ErrorCode][] = [
  ['The external key store proxy denied access to the operation', 'ERR_KMS_EXTERNAL_KEY_DENIED'],
  [`${externalKey} does not support the requested operation`, 'ERR_KMS_EXTERNAL_KEY_DENIED'],
  // The proxy has answered, and its answer is no: AWS's credentials there may have been taken away on purpose.
  [`${proxyRejected} it could not authenticate AWS KMS`, 'ERR_KMS_EXTERNAL_KEY_DENIED'],
  [`${externalKey} is not enabled`, 'ERR_KMS_EXTERNAL_KEY_DISABLED'],
  [`${externalKey} was not found`, 'ERR_KMS_EXTERNAL_KEY_NOT_FOUND'],
  [`${proxyRejected} the specified ciphertext`, 'ERR_KMS_INVALID_CIPHERTEXT'],
  ['The ciphertext that the external key store proxy submitted', 'ERR_KMS_INVALID_CIPHERTEXT'],
  [`${proxyRejected} of an invalid URI path`, 'ERR_KMS_KEY_STORE_UNREACHABLE'],
  [`${proxyRejected} it does not support the requested operation`, 'ERR_KMS_KEY_STORE_UNREACHABLE'],
  [`${proxyRejected} it cannot communicate with the external key manager`, 'ERR_KMS_KEY_STORE_UNREACHABLE'],
  ['The external key store proxy did not respond', 'ERR_KMS_KEY_STORE_UNREACHABLE'],
  [
    'AWS KMS rejected the request because the external key store proxy did not respond',
    'ERR_KMS_KEY_STORE_UNREACHABLE',
  ],
  [
    'AWS KMS cannot interpret the response from the external key store proxy',
    'ERR_KMS_KEY_STORE_UNREACHABLE',
  ],
  ['AWS KMS cannot communicate with the external key store proxy', 'ERR_KMS_KEY_STORE_UNREACHABLE'],
  [
    'AWS KMS cannot establish a TLS connection to the external key store proxy',
    'ERR_KMS_KEY_STORE_UNREACHABLE',
  ],
  [`${proxyRejected.slice(0, -' because'.length)} due to a very high`, 'ERR_KMS_KEY_STORE_THROTTLED'],
]

/**
 * The cause behind the exception. Words that are not known are a refusal: AWS KMS has answered, and the answer is no.
 */
export function codeOfInvalidState(message: string): ErrorCode {
  const sentence = message.trim()
  return (
    states.find(([words]) => words.test(sentence))?.[1] ??
    storeSentences.find(([beginning]) => sentence.toLowerCase().startsWith(beginning.toLowerCase()))?.[1] ??
    'ERR_KMS_KEY_NOT_READY'
  )
}
